"""`distnet stacks` of a run here."""

import json
import os

import pytest

from distnet.cli.main import main
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import Heartbeat


def test_stacks_of_a_run_that_trains_here(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    log = trained.worker_log(0)
    with Heartbeat(trained.heartbeat(0), attempt=1, after_s=60.0, log=log):
        assert main(["stacks", "runs/digits-1"]) == 0
        text = capsys.readouterr().out
        assert main(["stacks", "runs/digits-1", "--rank", "0", "--json"]) == 0
        (worker,) = json.loads(capsys.readouterr().out)["workers"]

    assert text.startswith(f"worker 0, process {os.getpid()}, after step 0\n")
    assert "in test_stacks_of_a_run_that_trains_here" in text
    assert (worker["rank"], worker["process"]) == (0, os.getpid())
    assert "in test_stacks_of_a_run_that_trains_here" in worker["stacks"]


def test_a_run_without_workers_has_none(
    trained: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stacks", "runs/digits-1"]) == 2
    assert "runs/digits-1: found no workers of this run" in capsys.readouterr().err
    log = trained.worker_log(0)
    with Heartbeat(trained.heartbeat(0), attempt=1, after_s=60.0, log=log):
        assert main(["stacks", "runs/digits-1", "--rank", "7"]) == 2
    assert "found no worker 7 of this run" in capsys.readouterr().err
