"""`distnet wait` as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer, make_job


@pytest.mark.parametrize(
    ("states", "code"),
    [
        (["finished", "finished"], 0),
        (["finished", "stopped early"], 0),
        (["stopped early", "failed"], 3),
        (["finished", "failed"], 3),
        (["stopped", "finished"], 130),
        (["cancelled", "failed"], 3),
    ],
)
def test_wait_ends_as_the_jobs_do(
    states: list[str], code: int, server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, state in enumerate(states):
        server.jobs[f"a-{number}"] = make_job(f"a-{number}", number)
        server.changes[f"a-{number}"] = [{"state": "unknown"}, {"state": state}]

    assert main(["wait", "a-0", "a-1", "--json"]) == code
    assert [job["state"] for job in json.loads(capsys.readouterr().out)] == states


def test_wait_ends_at_its_timeout(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wait", "digits-2", "--timeout", "0"]) == 2
    assert "digits-2 is waiting after 0 s" in capsys.readouterr().err


def test_wait_reports_an_unreachable_server_and_ends_in_time(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTNET_SERVER", "http://127.0.0.1:9")

    assert main(["wait", "digits-2", "--timeout", "0.3"]) == 2

    message = capsys.readouterr().err
    assert message.count("connection refused; waiting until it responds") == 1
    assert "no server has reported on digits-2 after 0.3 s" in message


def test_wait_lives_through_a_restart_of_the_server(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.faults += [503, 503]

    assert main(["wait", "old-1"]) == 3
    assert capsys.readouterr().err.count("waiting until it responds") == 1


def test_an_interrupted_wait_says_how_to_wait_again(queue: FakeServer) -> None:
    command = [sys.executable, "-u", "-m", "distnet.cli", "wait", "digits-2", "digits-3"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ})
    while not queue.requests:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, message = process.communicate()

    assert process.returncode == 130
    assert "wait again with: distnet wait digits-2 digits-3" in message
