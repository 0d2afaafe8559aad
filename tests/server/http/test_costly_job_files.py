"""Job files that would take the processor: refused before they are built, or given up."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from distnet.server.jobs import draft
from distnet.server.jobs.job_file import ParsedJob, SweepFile, parse_job_file
from tests.server.harness import SPEC
from tests.server.http.api import Api, body
from tests.server.http.test_connections import opened, refused, served

JOBS = "/api/v1/jobs"


def spec(**more: Any) -> dict[str, Any]:
    return {**body(), **more}


def test_a_large_job_file_is_refused(api: Api) -> None:
    for more in (
        {"spec": SPEC + "#" * 130_000},
        {"sets": ["train.seed=" + "1" * 900] * 150},
        {"sweep": ["train.seed=" + "1" * 900] * 150},
    ):
        response = api.client().post(JOBS, json=spec(**more))

        assert (response.status_code, response.json()["error"]["code"]) == (413, "too_large")
        assert "limits.job_file" in response.json()["error"]["message"]
    schedule = {"name": "n", "request": spec(spec=SPEC + "#" * 130_000), "cron": "0 * * * *"}
    assert api.client().post("/api/v1/schedules", json=schedule).status_code == 413
    assert refused(api, "too_large") == 4


def test_the_job_files_of_all_trials_together_are_bounded(api: Api) -> None:
    """Each trial has a job file of its own, so a small request may write a gigabyte."""
    api = Api(api.harness, bulk_bytes=20_000)

    refusal = api.client().post(JOBS, json=spec(sweep=["train.seed=1..40"])).json()["error"]
    few = api.client().post(JOBS, json=spec(sweep=["train.seed=1..3"]))

    assert refusal["code"] == "too_large"
    assert "over 20,000 bytes in the job files of all jobs together" in refusal["message"]
    assert few.status_code == 201
    assert len(api.client().get(JOBS).json()["jobs"]) == 3


def test_a_job_file_with_many_values_is_refused_before_it_is_built(api: Api) -> None:
    layers = SPEC.replace("[16]", "[" + ",".join(["1"] * 20_000) + "]")

    response = api.client().post(JOBS, json=spec(spec=layers))

    assert response.status_code == 422
    assert response.json()["error"] == {
        "code": "bad_job_file",
        "message": "job.yaml:2: found over 10,000 keys and items, expected fewer",
    }


def test_of_many_faults_some_are_listed_and_all_are_counted(api: Api) -> None:
    unknown = SPEC + "".join(f"k{at}: 1\n" for at in range(5_000))

    lines = api.client().post(JOBS, json=spec(spec=unknown)).json()["error"]["message"].split("\n")

    assert len(lines) == 101
    assert lines[0].startswith("job.yaml:5 k0: found unknown key `k0`")
    assert lines[-1] == "... and 4,900 more faults"


class SlowFiles:
    """Lets each job file take until it is released, and counts those that were begun."""

    def __init__(self) -> None:
        self.num_begun, self.now, self.most = 0, 0, 0
        self.go_on = threading.Event()
        self._lock = threading.Lock()

    def parse(self, *values: Any) -> ParsedJob:
        self._wait()
        return parse_job_file(*values)

    def sweep(self, *values: Any) -> SweepFile:
        file = SweepFile(*values)
        parse = file.parse

        def slowly(overrides: tuple[str, ...]) -> ParsedJob:
            self._wait()
            return parse(overrides)

        file.parse = slowly  # type: ignore[method-assign]
        return file

    def _wait(self) -> None:
        with self._lock:
            self.num_begun, self.now = self.num_begun + 1, self.now + 1
            self.most = max(self.most, self.now)
        assert self.go_on.wait(30)
        with self._lock:
            self.now -= 1


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowFiles]:
    files = SlowFiles()
    monkeypatch.setattr(draft, "parse_job_file", files.parse)
    monkeypatch.setattr(draft, "SweepFile", files.sweep)
    yield files
    files.go_on.set()


def until(condition: Any) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_reading_is_given_up_when_the_client_is_gone(tmp_path: Path, slow: SlowFiles) -> None:
    with served(tmp_path) as (api, address):
        headers = {"Authorization": f"Bearer {api.token('ada')}"}
        with ExitStack() as held:
            connection = opened(held, address)
            request = httpx.Request(
                "POST", address + JOBS, json=spec(sweep=["train.seed=1..1000"]), headers=headers
            )
            lines = [f"{key}: {value}" for key, value in request.headers.items()]
            head = "\r\n".join([f"POST {JOBS} HTTP/1.1", *lines, "", ""])
            connection.sendall(head.encode() + request.read())
            until(lambda: slow.num_begun == 1)
        until(lambda: not api.app.state.guard.connections.users)
        slow.go_on.set()
        assert httpx.post(address + JOBS, json=body(), headers=headers).status_code == 201

    assert slow.num_begun == 2
    assert [job.name for job in api.harness.all_jobs()] == ["digits-1"]


@pytest.mark.check
def test_few_requests_are_read_at_once_and_one_of_each_user(
    tmp_path: Path, slow: SlowFiles
) -> None:
    with served(tmp_path, drafts=2) as (api, address):
        statuses: list[int] = []

        def submit(user: str) -> None:
            headers = {"Authorization": f"Bearer {api.token(user)}"}
            response = httpx.post(address + JOBS, json=body(), headers=headers, timeout=60)
            statuses.append(response.status_code)

        for user in ("ada", "bob", "root"):
            api.token(user)
        threads = [
            threading.Thread(target=submit, args=(user,)) for user in ["ada"] * 5 + ["bob", "root"]
        ]
        for thread in threads:
            thread.start()
        until(lambda: slow.now == 2)
        bob = {"Authorization": f"Bearer {api.token('bob')}"}
        assert httpx.get(address + JOBS, headers=bob).status_code == 200, "the list has a thread"
        slow.go_on.set()
        for thread in threads:
            thread.join()

    assert statuses == [201] * 7
    assert slow.most == 2


def test_reading_that_takes_too_long_is_refused(tmp_path: Path) -> None:
    with served(tmp_path, draft_s=1e-9) as (api, address):
        headers = {"Authorization": f"Bearer {api.token('ada')}"}
        response = httpx.post(address + JOBS, json=body(), headers=headers)

    assert (response.status_code, response.json()["error"]["code"]) == (413, "too_long")
    assert "limits.draft" in response.json()["error"]["message"]
