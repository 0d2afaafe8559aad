"""`distnet stop`: a run here, or a job on a server, and which of them is meant."""

from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.protocol.states import AttemptEnd
from distnet.run_folder.paths import RunFolder
from tests.client.fake_server import FakeServer, make_attempt, make_job


@pytest.mark.usefixtures("config")
def test_a_run_here_is_stopped_without_a_server(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "digits-1", "--no-wait"]) == 0

    assert capsys.readouterr().out == "runs/digits-1 (a run here): requested to stop\n"
    assert trained.stop.exists()


@pytest.mark.usefixtures("run")
def test_a_job_on_the_server_is_stopped_when_the_run_here_is_not_training(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1")

    assert main(["stop", "digits-1"]) == 0

    printed = capsys.readouterr().out
    assert f"digits-1 (on {server.url}) stopped; it had no attempt" in printed


def test_a_name_of_both_a_run_and_a_job_is_refused(
    trained: RunFolder, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="running")

    assert main(["stop", "digits-1"]) == 2
    message = capsys.readouterr().err
    assert "runs/digits-1" in message
    assert f"--server {server.url}" in message
    assert not trained.stop.exists()

    assert main(["stop", "runs/digits-1", "--no-wait"]) == 0
    assert trained.stop.exists()
    assert server.jobs["digits-1"].state == "running"
    assert main(["stop", "digits-1", "--server", server.url]) == 0
    assert server.jobs["digits-1"].state == "stopped"


def test_a_run_that_is_an_attempt_of_a_job_is_stopped_as_the_job(
    trained: RunFolder, server: FakeServer
) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="running")
    server.folders["digits-1"] = str(trained.path.resolve())

    assert main(["stop", "digits-1"]) == 0
    assert server.jobs["digits-1"].state == "stopped"
    assert not trained.stop.exists()


@pytest.mark.usefixtures("run")
def test_a_run_that_is_not_training_is_reported(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stop", "digits-1"]) == 2
    assert "no process trains this run" in capsys.readouterr().err


@pytest.mark.usefixtures("run", "config")
def test_an_unknown_name_is_reported(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTNET_SERVER", "http://127.0.0.1:9")

    assert main(["stop", "digits-2"]) == 2

    message = capsys.readouterr().err
    assert "did you mean digits-1; and no server to look for such a job: no distnet" in message
    assert "http://127.0.0.1:9 (DISTNET_SERVER): connection refused" in message


def test_an_unknown_job_is_reported_by_the_server(
    server: FakeServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["stop", "absent", "--runs", str(tmp_path)]) == 2
    assert "there is no job absent" in capsys.readouterr().err


def test_stop_waits_until_no_attempt_is_running(
    server: FakeServer, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    live, over = make_attempt(2), {"ended_at": 3.0, "end": AttemptEnd.STOPPED, "step": 938}
    server.jobs["digits-1"] = make_job("digits-1", state="running", workers=2)
    server.attempts["digits-1"] = [live]
    server.changes["digits-1"] = [
        {"state": "running"},
        {"state": "stopping"},
        {"state": "stopped"},
        {"attempts": [live.model_copy(update=over)]},
    ]

    assert main(["stop", "digits-1", "--runs", str(tmp_path)]) == 0

    printed = capsys.readouterr().out
    assert "stopped after step 938; no attempt is running" in printed
    assert "distnet retry digits-1" in printed
    assert server.changes["digits-1"] == []


def test_stop_ends_at_its_timeout_and_says_that_the_request_stands(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="running")
    server.changes["digits-1"] = []

    command = ["stop", "digits-1", "--server", server.url, "--timeout", "0"]
    assert main(command) == 2
    assert "digits-1 is stopping after 0 s; the request to stop stands" in capsys.readouterr().err
