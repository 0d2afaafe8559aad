"""The process of an attempt, as Ray begins it, wherever it needs no Ray to get where it gets."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.agent.__main__ import SECRET as SECRET_NAME
from distnet.agent.__main__ import SERVER as SERVER_NAME
from distnet.agent.__main__ import main as agent_main
from distnet.agent.training import Training
from distnet.errors import TrainingError
from distnet.protocol.attempt import AttemptConfig, Instructions
from distnet.protocol.states import AttemptEnd, StopReason
from distnet.protocol.versions import own_version
from distnet.run_folder.fence import read_fence
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.spec.dump import dump_job
from distnet.spec.read import read_job
from tests.agent.fake_server import SECRET, FakeServer, serving

JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
SHORT = ("train.steps=2",)
SPEC = dump_job(read_job(JOB, overrides=SHORT).job.resolved())


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with serving(FakeServer()) as server:
        yield server


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    return tmp_path / "runs"


def make_config(runs: Path, **changes: Any) -> AttemptConfig:
    fields: dict[str, Any] = {
        "server_id": "0123",
        "job": "digits-7",
        "attempt": 1,
        "spec": SPEC,
        "code": None,
        "placement": {"node": 2},
        "runs": str(runs),
        "start_from": None,
        "report_every_s": 0.05,
    }
    return AttemptConfig.model_validate(fields | changes)


@pytest.fixture
def run_attempt(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run an attempt in this process, which has torch already; returns the exit code."""

    def run(secret: str = SECRET) -> int:
        monkeypatch.setenv(SERVER_NAME, server.url)
        monkeypatch.setenv(SECRET_NAME, secret)
        return agent_main()

    return run


def run_process(server: FakeServer) -> "subprocess.CompletedProcess[str]":
    """Run an attempt as Ray does, in a process whose whole output is captured."""
    return subprocess.run(
        [sys.executable, "-m", "distnet.agent"],
        env=os.environ | {SERVER_NAME: server.url, SECRET_NAME: SECRET},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in files.items():
            file.writestr(f"{name}.py", text)
    return buffer.getvalue()


def test_a_job_that_is_invalid_fails_with_the_reason(server, runs):
    server.begin(make_config(runs, spec=SPEC.replace("kind: mlp", "kind: nothing")))

    ended = run_process(server)

    assert ended.returncode == 1
    assert server.exit is not None
    assert server.exit.end is AttemptEnd.FAILED
    assert server.exit.failure == "user_error"
    assert (server.exit.error or "").startswith("job.yaml:3 network.kind:")
    log = server.streams["run"].decode()
    assert "attempt 1 of digits-7" in log
    assert server.exit.error in log
    assert "nothing" in ended.stdout  # Ray's own log has it, too
    assert not (runs / "digits-7").exists()


def test_a_run_that_is_finished_already_is_reported_as_finished(server, runs):
    """The attempt before was killed when it had finished, but not yet reported it."""
    run = distnet.run(JOB, inline=True, overrides=SHORT, runs=runs, name="digits-7")
    server.begin(make_config(runs, attempt=2))

    ended = run_process(server)

    assert ended.returncode == 0, ended.stderr
    assert server.exit is not None
    assert server.exit.end is AttemptEnd.FINISHED
    assert server.exit.step == 2
    assert server.exit.result == json.loads(run.folder.result.read_text())
    assert server.streams["metrics"] == run.folder.metrics.read_bytes()
    assert server.streams["run"] == (run.folder.logs / "run.log").read_bytes()


def test_a_folder_of_another_job_is_left_alone(server, runs, run_attempt):
    run = distnet.run(JOB, inline=True, overrides=["train.steps=3"], runs=runs, name="digits-7")
    before = run.folder.metrics.read_bytes()
    server.begin(make_config(runs))

    run_attempt()

    assert server.exit is not None
    assert server.exit.failure == "user_error"
    assert "another job" in (server.exit.error or "")
    assert run.folder.metrics.read_bytes() == before


def test_a_node_with_another_distnet_fails_the_attempt_at_once(server, runs, run_attempt, caplog):
    server.begin(make_config(runs, spec="of a later distnet"))
    server.version = "0.9.0"

    code = run_attempt()

    assert code == 1
    assert server.exit is not None
    assert (server.exit.end, server.exit.failure) == (AttemptEnd.FAILED, "user_error")
    error = server.exit.error or ""
    assert f"has distnet {own_version()}, the server has 0.9.0; expected one version" in error
    assert "hosts over ssh get the server's with distnet cluster up FILE; on AWS" in error
    assert "call distnet cluster down FILE, then distnet cluster up FILE" in error
    assert error in caplog.text
    assert not runs.exists()


def test_an_attempt_that_the_server_has_ended_touches_nothing(server, runs, run_attempt, caplog):
    server.refusal = (409, "stale_attempt")

    assert run_attempt() == 3
    assert "has ended this attempt" in caplog.text
    assert not runs.exists()


def test_the_secret_of_another_attempt_is_refused(server, runs, run_attempt):
    server.begin(make_config(runs))

    assert run_attempt(secret="another") == 3
    assert server.reports == []


def test_an_attempt_needs_the_address_and_the_secret(run_attempt, caplog):
    assert run_attempt(secret="") == 2
    assert SECRET_NAME in caplog.text


def test_the_jobs_own_files_are_unpacked_once_where_all_nodes_see_them(server, runs, run_attempt):
    server.code = archive(mynet="this is not Python")
    sha256 = hashlib.sha256(server.code).hexdigest()
    spec = SPEC.replace("kind: mlp", "kind: ./mynet.py:MyNet")
    assert spec != SPEC
    server.begin(make_config(runs, code=sha256, spec=spec))

    run_attempt()
    server.code = b"is not fetched again"
    server.begin(make_config(runs, code=sha256, spec=spec, attempt=2))
    run_attempt()

    own = runs / ".code" / sha256 / "mynet.py"
    assert own.read_text() == "this is not Python"
    exits = [report.exit for report in server.reports if report.exit]
    assert len(exits) == 2
    for ended in exits:
        assert ended.failure == "user_error"
        assert "network.kind: mynet.py:1 raised NameError" in (ended.error or "")
    assert [path.name for path in (runs / ".code").iterdir()] == [sha256]


def test_what_an_attempt_makes_is_as_private_as_the_server_says(server, runs, run_attempt):
    server.code = archive(mynet="this is not Python")
    sha256 = hashlib.sha256(server.code).hexdigest()
    spec = SPEC.replace("kind: mlp", "kind: ./mynet.py:MyNet")
    server.begin(make_config(runs, code=sha256, spec=spec, umask=0o027))
    before = os.umask(0o022)
    try:
        run_attempt()
    finally:
        os.umask(before)

    made = [runs / ".code" / sha256, runs / ".code" / sha256 / "mynet.py"]
    assert [path.stat().st_mode & 0o007 for path in made] == [0, 0]
    assert made[0].stat().st_mode & 0o070


def test_only_the_agent_knows_the_secret_that_it_reports_with(server, runs, run_attempt):
    server.begin(make_config(runs, spec="name: digits"))

    run_attempt()

    (known,) = server.exchanged
    assert known != hashlib.sha256(SECRET.encode()).hexdigest()
    assert server.exit is not None, "the first secret is refused after the exchange"


def test_another_archive_than_the_job_names_is_refused(server, runs, run_attempt):
    server.code = archive(mynet="")
    server.begin(make_config(runs, code="0" * 64))

    run_attempt()

    assert server.exit is not None
    assert server.exit.failure == "user_error"
    assert "submit the job again" in (server.exit.error or "")


class Trained:
    """What `Training` needs, around a folder."""

    def __init__(self, tmp_path: Path, **changes: Any) -> None:
        from distnet.launch.placement import Placement

        self.config = make_config(tmp_path / "runs", **changes)
        self.folder = RunFolder(tmp_path / "runs" / self.config.job)
        self.options: dict[str, Any] = {
            "placement": Placement({}),
            "listener": lambda _: None,
            "fetch_code": bytes,
            "lock_patience_s": 0.3,
        }
        self.scratch = tmp_path

    def run(self, **options: Any) -> Any:
        return Training(self.config, self.scratch, **(self.options | options)).run()


def test_an_older_attempt_is_fenced_off_and_waited_for(tmp_path):
    trained = Trained(tmp_path)
    distnet.run(JOB, inline=True, overrides=SHORT, runs=tmp_path / "runs", name="digits-7")
    ended = threading.Event()

    def train() -> None:
        with held(trained.folder):
            began.set()
            ended.wait(60)

    began, older = threading.Event(), threading.Thread(target=train)
    older.start()
    began.wait(60)
    fence = read_fence(trained.folder)

    failed = trained.run()
    assert (failed.end, failed.failure) == (AttemptEnd.FAILED, "lost_worker")
    assert "older attempt" in failed.error
    assert read_fence(trained.folder) == fence + 1  # the older one may save nothing any more

    threading.Timer(0.2, ended.set).start()
    assert trained.run(lock_patience_s=60.0).end is AttemptEnd.FINISHED
    older.join()


def test_an_attempt_that_is_stopped_before_it_starts_is_stopped(tmp_path):
    ended = Trained(tmp_path).run(is_stopped=lambda: True)

    assert ended.end is AttemptEnd.STOPPED
    assert ended.step == 0
    assert not (tmp_path / "runs" / "digits-7").exists()


def test_what_an_attempt_left_that_was_killed_at_its_start_is_removed(tmp_path):
    trained = Trained(tmp_path, spec=SPEC.replace("source: mnist", "source: nowhere"))
    trained.folder.logs.mkdir(parents=True)
    trained.folder.checkpoints.mkdir()
    trained.folder.job.write_text("name: digits\n")

    ended = trained.run()

    assert "nowhere" in ended.error
    assert not trained.folder.path.exists()


def test_a_folder_with_other_files_is_kept(tmp_path):
    trained = Trained(tmp_path)
    trained.folder.logs.mkdir(parents=True)
    (trained.folder.logs / "mine.txt").write_text("mine")

    ended = trained.run()

    assert ended.failure == "user_error"
    assert "taken" in ended.error
    assert (trained.folder.logs / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ConnectionRefusedError("ray is gone"), "lost_worker"),
        (ValueError("a mistake"), "user_error"),
        (SystemExit("a library gave up"), "user_error"),
        (KeyboardInterrupt(), "lost_worker"),
    ],
)
def test_every_error_becomes_an_exit_record(tmp_path, error, failure, capsys):
    def fetch() -> bytes:
        raise error

    ended = Trained(tmp_path, code="0" * 64).run(fetch_code=fetch)

    assert (ended.end, ended.failure) == (AttemptEnd.FAILED, failure)
    assert str(error) in ended.error


def test_a_failure_names_the_command_that_shows_the_log(tmp_path):
    def fetch() -> bytes:
        log = RunFolder(tmp_path / "runs" / "digits-7").logs / "worker-1.log"
        raise TrainingError(f"worker 1 failed: too warm; its log is {log}")

    ended = Trained(tmp_path, code="0" * 64).run(fetch_code=fetch)

    assert ended.error.startswith("worker 1 failed: too warm; its log: distnet logs ")
    assert ended.error.endswith(" --worker 1")


def test_a_stop_in_the_first_response_is_carried_out(server, runs, run_attempt):
    """Fetching the job's own files takes as long as the network likes."""
    server.instructions = lambda _: Instructions(stop=StopReason.CANCEL)
    heard = threading.Event()

    def slow(method: str, path: str, *rest: Any) -> Any:
        if path.endswith("/code"):
            server.wait(lambda s: len(s.reports) > 2)
            heard.set()
        return respond(method, path, *rest)

    respond, server.code = server.respond, archive(mynet="")
    server.respond = slow  # type: ignore[method-assign]
    server.begin(make_config(runs, code=hashlib.sha256(server.code).hexdigest()))

    code = run_attempt()

    assert heard.is_set()
    assert code == 0
    assert server.exit is not None
    assert server.exit.end is AttemptEnd.STOPPED
