"""The files of jobs' runs over HTTP: what is listed and read, and what is not."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from distnet.protocol.errors import NotFoundError
from distnet.server.run_files.links import VALID_S, Links
from tests.run_folder.run_folders import digits_run
from tests.server.harness import asks
from tests.server.http.api import Api

FILES = "/api/v1/jobs/digits-1/files"


@pytest.fixture
def run(api: Api) -> Path:
    """The run folder of digits-1, which has finished."""
    api.harness.submit(asks())
    api.harness.run_until_all_ended()
    folder = digits_run(api.harness.settings.runs / "digits-1")
    saved = folder / "checkpoints" / "step-00000060"
    saved.mkdir(parents=True)
    (saved / "weights.safetensors").write_bytes(bytes(range(256)) * 4)
    return folder


def listed(api: Api) -> dict[str, dict[str, Any]]:
    response = api.client("vic").get(FILES)
    assert response.status_code == 200, response.text
    return {file["path"]: file for file in response.json()["files"]}


def read(api: Api, path: str, **query: Any) -> Any:
    return api.client("vic").get(f"{FILES}/{path}", params=query)


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_viewer_lists_and_reads_the_files_of_a_run_in_pieces(api: Api, run: Path) -> None:
    for name in ("fence", "heartbeats/worker-0", ".partial-1-job.yaml", "notes.txt"):
        (run / name).parent.mkdir(exist_ok=True)
        (run / name).write_text("not for others")
    files = listed(api)
    weights = files["checkpoints/step-00000060/weights.safetensors"]

    pieces = [
        read(api, weights["path"], version=weights["version"], offset=at, limit=1000).content
        for at in (0, 1000, 1024)
    ]

    assert pieces == [(bytes(range(256)) * 4)[:1000], bytes(range(232, 256)), b""]
    assert weights["num_bytes"] == 1024
    assert set(files) == {
        *("job.yaml", "plan.json", "environment.json", "metrics.jsonl", "result.json"),
        *("evaluation.json", "pictures.npz", weights["path"]),
    }


def test_nothing_outside_of_the_run_folder_is_read(api: Api, run: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of the server")
    (run / "code").symlink_to(tmp_path)
    (run / "start.safetensors").symlink_to(tmp_path / "secret")
    (run / "logs").mkdir()
    os.mkfifo(run / "logs" / "pipe")
    version = listed(api)["job.yaml"]["version"]

    for path in ("code/secret", "start.safetensors", "logs/pipe", "%2e%2e/%2e%2e/secret"):
        assert code(read(api, path, version=version)) == (404, "not_found"), path
    assert not {"code/secret", "start.safetensors", "logs/pipe"} & set(listed(api))

    shutil.rmtree(run)
    run.symlink_to(tmp_path)
    assert code(api.client().get(FILES)) == (404, "not_found")


def test_a_file_that_was_replaced_is_refused_and_one_that_grows_is_not(api: Api, run: Path) -> None:
    files = listed(api)
    (run / "new").write_text("name: other\n")
    (run / "new").replace(run / "job.yaml")
    with (run / "metrics.jsonl").open("a") as metrics:
        metrics.write("{}\n")

    replaced = read(api, "job.yaml", version=files["job.yaml"]["version"])
    grown = read(api, "metrics.jsonl", version=files["metrics.jsonl"]["version"])

    assert code(replaced) == (409, "changed")
    assert grown.content.endswith(b"{}\n")


def test_a_job_without_a_run_folder_says_why(api: Api, run: Path) -> None:
    api.harness.submit(asks(hold=True))
    digits_run(run.parent / "digits-2")  # of another server, which had a job of this name
    shutil.rmtree(run)

    held = api.client().get("/api/v1/jobs/digits-2/files")
    removed = api.client().get(FILES)

    assert code(held) == (404, "not_started")
    assert code(removed) == (404, "no_run_folder")
    assert "has not begun to train" in held.json()["error"]["message"]
    assert f"does not see {run}" in removed.json()["error"]["message"]
    api.client("root").post("/api/v1/jobs/digits-2/cancel")
    cancelled = api.client().get("/api/v1/jobs/digits-2/files")
    assert code(cancelled) == (404, "not_started")
    assert "ended (cancelled) before it began" in cancelled.json()["error"]["message"]
    assert code(api.client().get("/api/v1/jobs/digits-9/files")) == (404, "not_found")


def test_a_link_leads_to_its_job_for_a_minute() -> None:
    now = [0.0]
    links = Links(lambda: now[0])
    link = links.give("digits-1")
    now[0] = VALID_S
    assert links.job(link) == "digits-1"

    now[0] += 0.1
    for unknown in (link, "x" * 43):
        with pytest.raises(NotFoundError, match="no longer valid"):
            links.job(unknown)


@pytest.mark.check
def test_a_report_is_shown_by_a_link_and_drawn_again_when_its_records_change(
    api: Api, run: Path
) -> None:
    reply = api.client("vic").get("/api/v1/jobs/digits-1/report").json()
    page = api.client(None).get(f"/{reply['path']}")
    again = api.client("vic").get("/api/v1/jobs/digits-1/report").json()
    digits_run(run.parent / "other", epochs=2)
    shutil.copy(run.parent / "other" / "metrics.jsonl", run / "new")
    (run / "new").replace(run / "metrics.jsonl")
    changed = api.client(None).get(f"/{again['path']}")

    assert "<title>digits-1: test accuracy" in page.text
    assert "distnet export digits-1" in page.text
    assert "sandbox" in page.headers["content-security-policy"]
    assert "script" not in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "SAMEORIGIN"
    assert reply["path"] != again["path"]
    assert reply["drawn_at"] == again["drawn_at"]
    assert changed.text != page.text
    assert not (run / "report.html").exists()
    assert api.client(None).get("/reports/" + "x" * 43).status_code == 404


@pytest.mark.check
def test_records_that_cannot_be_drawn_end_nothing_but_the_report(api: Api, run: Path) -> None:
    (run / "evaluation.json").write_text("[1]")

    response = api.client("vic").get("/api/v1/jobs/digits-1/report")

    assert code(response) == (404, "not_found")
    assert "evaluation.json" in response.json()["error"]["message"]
    assert api.client("vic").get("/api/v1/jobs/digits-1").status_code == 200
