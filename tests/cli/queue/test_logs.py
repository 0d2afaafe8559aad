"""`distnet logs` as a person types it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from distnet.cli.main import main
from distnet.cli.queue.folded import FoldedLog
from tests.client.fake_server import FakeServer, make_job


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--worker", "7"], "--worker: found worker-7, expected one of run, metrics, worker-0, "),
        (["--stream", "nosuch"], "--stream: found nosuch, expected one of run, metrics, worker-0"),
        (["--offset", "12", "-f"], "--offset: found 12, expected at most 11, where"),
    ],
)
def test_a_stream_or_offset_that_a_log_lacks_is_refused(
    options: list[str], message: str, queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\n"

    assert main(["logs", "digits-1", *options]) == 2
    assert message in capsys.readouterr().err


def test_logs_say_why_there_are_none(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    queue.jobs["gone-1"] = make_job("gone-1", state="cancelled", ended_at=100.0)

    assert main(["logs", "digits-3"]) == 0
    message = "digits-3 is waiting and has no log yet; see: distnet why digits-3\n"
    assert capsys.readouterr().err == message
    assert main(["logs", "gone-1"]) == 0
    assert capsys.readouterr().err == "gone-1 is cancelled and has no log\n"


def test_a_log_has_the_same_keys_followed_or_not(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["old-1", "run"] = b"epoch 1/10\n"
    queue.complete.add("old-1")

    main(["logs", "old-1", "--json"])
    whole = json.loads(capsys.readouterr().out)
    main(["logs", "old-1", "-f", "--json"])
    pieces = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert all(piece.keys() == whole.keys() for piece in pieces)
    assert "".join(piece["text"] for piece in pieces) == whole["text"]


def test_logs_print_all_there_is(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    queue.logs["digits-1", "worker-1"] = b"hello\n"

    assert main(["logs", "digits-1"]) == 0
    assert capsys.readouterr().out == "epoch 1/10\nepoch 2/10\n"
    assert main(["logs", "digits-1", "--worker", "1"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert main(["logs", "digits-1", "--offset", "11", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "job": "digits-1",
        "stream": "run",
        "offset": 11,
        "next": 22,
        "end": 22,
        "is_complete": False,
        "text": "epoch 2/10\n",
    }
    assert main(["logs", "digits-1", "--worker", "1", "--stream", "run"]) == 2


def test_of_a_progress_bar_a_pipe_gets_the_last_state(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    bar = "".join(f"\rloading: {percent}%" for percent in range(101))
    queue.logs["digits-1", "run"] = f"start\n{bar}\nwindows\r\nhalf: 1\rhalf: 2\r".encode()
    queue.complete.add("digits-1")

    for options in ([], ["-f"]):
        assert main(["logs", "digits-1", *options]) == 0
        assert capsys.readouterr().out == "start\nloading: 100%\nwindows\nhalf: 2"
    assert main(["logs", "digits-1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["text"].count("\r") == 104  # as it was written


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_a_bar_is_folded_wherever_its_pieces_end(
    size: int, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "start\n\r 0%\r 50%\r100%\r\nend\n"

    with FoldedLog() as log:
        for begin in range(0, len(text), size):
            log.write(text[begin : begin + size])

    assert capsys.readouterr().out == "start\n100%\nend\n"


def test_an_interrupted_log_says_how_to_follow_it_again(queue: FakeServer) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    command = [sys.executable, "-u", "-m", "distnet.cli", "logs", "digits-1", "-f"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stdout is not None
    printed = "".join(process.stdout.readline() for _ in range(2))
    while not any(
        "offset=22" in request for request in queue.requests
    ):  # it has seen what it printed
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    rest, message = process.communicate()

    assert printed + rest == "epoch 1/10\nepoch 2/10\n"
    assert process.returncode == 130
    assert "distnet logs digits-1 -f --offset 22" in message
    assert "Traceback" not in message


def test_a_log_is_followed_through_a_restart_of_the_server(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "run"] = b"epoch 1/10\nepoch 2/10\n"
    queue.complete.add("digits-1")
    queue.faults += ["drop", 503, "drop"]

    assert main(["logs", "digits-1", "-f"]) == 0
    assert capsys.readouterr().out == "epoch 1/10\nepoch 2/10\n"


def test_following_a_waiting_job_says_why_it_waits(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.complete.add("digits-3")

    assert main(["logs", "digits-3", "-f"]) == 0
    assert capsys.readouterr().err == "digits-3 is waiting: no room\n"
