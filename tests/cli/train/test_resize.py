"""`distnet resize`: a run here, or a job on a server."""

import json

import pytest

from distnet.cli.main import main
from distnet.run_folder.paths import RunFolder
from tests.client.fake_server import FakeServer, make_job


def test_a_run_here_is_resized(trained: RunFolder, server: FakeServer) -> None:
    assert main(["resize", "digits-1", "--workers", "3", "--no-wait"]) == 0

    assert trained.resize.read_text() == "3\n"
    assert not [request for request in server.requests if request.startswith("POST")]


def test_resize_waits_until_the_wanted_workers_train(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="running", workers=2, wanted=3)
    server.changes["digits-1"] = [{}, {"workers": 3}, {"wanted": None}, {"workers": 5}]

    assert main(["resize", "digits-1", "--workers", "3", "--server", server.url]) == 0
    assert capsys.readouterr().out.endswith("continues on 3 workers\n")
    assert server.changes["digits-1"] == [{"workers": 5}]


def test_resize_that_does_not_wait_says_what_trains(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="running", workers=2, wanted=1)

    assert main(["resize", "digits-1", "--workers", "1", "--server", server.url, "--no-wait"]) == 0
    printed = "requested to continue on 1 worker; now running on 2 workers\n"
    assert capsys.readouterr().out.endswith(printed)


def test_a_waiting_job_is_resized_at_once(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.jobs["digits-1"] = make_job("digits-1")

    assert main(["resize", "digits-1", "--workers", "3", "--server", server.url, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "waiting"
