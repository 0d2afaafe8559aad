"""Real trackers: an MLflow server, a page of it, files of Weights & Biases, and nobody at all."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright
from wandb.proto.wandb_internal_pb2 import Record

import distnet
from distnet.cli.main import main
from distnet.launch.ports import free_port
from distnet.tracking import beside
from tests import needs
from tests.datasets import stripes
from tests.server.page.looker import CHROMIUM
from tests.tracking.mlflow_server import LOOPBACK, mlflow_server
from tests.train.listeners import stop_at

__all__ = ["stripes"]
BLOCK = 1 << 15
pytestmark = pytest.mark.check
JOB = """
name: tracked
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
optimizer: {kind: adam, learning_rate: 0.01}
track: [KIND]
train: {epochs: 2, batch_size: 100, slices: 4, seed: 3}
"""


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine it takes minutes to import a client."""
    monkeypatch.setattr(beside, "PATIENCE_S", 400.0)


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATA", str(stripes)))
    return path


def track(job: Path, kind: str) -> None:
    job.write_text(job.read_text().replace("KIND", kind))


def losses(run: distnet.Run) -> dict[int, float]:
    records = [json.loads(line) for line in run.folder.metrics.read_text().splitlines()]
    return {one["step"]: one["loss"] for one in records if one["kind"] == "step"}


def test_mlflow_shows_a_run_that_was_stopped_and_resumed_as_one(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    track(job, "mlflow")
    heard: list[dict[str, Any]] = []
    stop = stop_at(5, tmp_path / "one" / "stop")

    def listen(record: dict[str, Any]) -> None:
        heard.append(record)
        stop(record)

    with mlflow_server(tmp_path) as site:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", site.address)
        run = distnet.run(job, inline=True, runs=tmp_path, name="one", listener=listen)
        stopped = run.result
        run = distnet.resume(run.folder.path, inline=True, listener=heard.append)

        link = run.result["tracked"]["mlflow"]
        assert {"kind": "note", "text": f"mlflow: {link}"} in heard
        assert stopped["tracked"] == run.result["tracked"]
        assert main(["show", str(run.folder.path)]) == 0
        assert link.rpartition("/")[2] in capfd.readouterr().out.replace("\n", "").replace(" ", "")
        id_ = link.rpartition("/")[2]
        found = site.get("runs/get", run_id=id_)["run"]
        assert found["info"]["run_name"] == "one"
        assert found["info"]["status"] == "FINISHED"
        parameters = {one["key"]: one["value"] for one in found["data"]["params"]}
        assert parameters["optimizer.learning_rate"] == "0.01"
        assert parameters["network.hidden"] == "[8]"
        assert site.history(id_, "step/loss") == pytest.approx(losses(run))
        last = site.history(id_, "test/accuracy")
        assert last[20] == pytest.approx(run.metrics["test_accuracy"])
        if CHROMIUM is None:
            needs.CHROMIUM.skip()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM)
            page = browser.new_page()
            page.goto(link)
            expect(page.get_by_text("one", exact=True).first).to_be_visible(timeout=120_000)
            expect(page.get_by_text("step/loss").first).to_be_visible(timeout=120_000)
            page.screenshot(path=tmp_path / "mlflow.png")
            browser.close()


def test_a_tracker_that_is_down_changes_nothing_and_gets_all_when_the_run_resumes(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(job, "mlflow")
    port, heard = free_port(LOOPBACK), list[dict[str, Any]]()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{LOOPBACK}:{port}")
    run = distnet.run(job, inline=True, runs=tmp_path, name="one", listener=heard.append)
    plain = distnet.run(job, inline=True, runs=tmp_path, name="plain", overrides=["track=[]"])

    assert run.result["weights_sha256"] == plain.result["weights_sha256"]
    assert not plain.folder.tensorboard.exists()
    notes = [one["text"] for one in heard if one["kind"] == "note"]
    assert len(notes) == 2
    assert notes[0].startswith("mlflow does not answer (")
    assert notes[1] == "mlflow has not received everything; resuming the run sends the rest"
    with mlflow_server(tmp_path, port) as site:
        options: dict[str, Any] = {"inline": True, "overrides": ["train.epochs=3"]}
        run = distnet.resume(run.folder.path, **options)
        id_ = run.result["tracked"]["mlflow"].rpartition("/")[2]
        assert site.history(id_, "step/loss") == pytest.approx(losses(run))


def test_without_an_address_it_says_what_to_set(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(job, "mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    heard: list[dict[str, Any]] = []

    run = distnet.run(job, inline=True, runs=tmp_path, name="one", listener=heard.append)

    assert run.status == "finished"
    notes = [one["text"] for one in heard if one["kind"] == "note"]
    wrong = "MLFLOW_TRACKING_URI is not set; set it to the address of the server"
    assert notes[0] == f"mlflow: nothing is sent: {wrong}"


def test_wandb_writes_a_run_without_a_network(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track(job, "wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    run = distnet.run(job, inline=True, runs=tmp_path, name="one")

    [file] = (run.folder.path / "trackers").rglob("run-*.wandb")
    settings, history = dict[str, str](), dict[int, float]()
    for record in scanned(file):
        for item in record.run.config.update:
            settings[item.key] = json.loads(item.value_json)
        values = {item.key or "/".join(item.nested_key): item for item in record.history.item}
        if "step/loss" in values:
            step = record.history.step.num
            history[step] = json.loads(values["step/loss"].value_json)
    assert settings["optimizer.learning_rate"] == "0.01"
    assert history == pytest.approx(losses(run))
    assert run.result["tracked"]["wandb"].startswith("offline, in ")


def scanned(file: Path) -> list[Record]:
    """The records of a file of Weights & Biases: a log as LevelDB writes it, after 7 bytes.

    Parts of records stand in blocks: checksum (4 bytes), length (2), kind (1; 1 and 4 end one).
    """
    data, at, whole, found = file.read_bytes(), 7, b"", list[Record]()
    while at + 7 <= len(data):
        if BLOCK - at % BLOCK < 7:  # no part fits into the rest of the block
            at += BLOCK - at % BLOCK
            continue
        length, kind = struct.unpack("<HB", data[at + 4 : at + 7])
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            found.append(Record.FromString(whole))
            whole = b""
    return found


def test_check_names_a_client_that_is_not_installed(
    job: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    track(job, "tensorbord")
    assert main(["check", str(job)]) == 2
    assert "track.0: found text 'tensorbord', expected 'tensorboard'" in capfd.readouterr().err
    job.write_text(job.read_text().replace("tensorbord", "tensorboard, wandb"))
    find = "distnet.launch.planning.misfits.find_spec"
    monkeypatch.setattr(find, lambda name: None)
    assert main(["check", str(job)]) == 2
    assert "pip install 'distnet[wandb]'" in capfd.readouterr().err
