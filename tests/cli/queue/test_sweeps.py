"""Commands of the queue that are given the name of a sweep."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer, make_job

ACCURACY = {"name": "accuracy", "format": "percent", "direction": "higher"}


@pytest.fixture
def rates(server: FakeServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A sweep of three jobs: one has finished, one waits, one is held."""
    monkeypatch.chdir(tmp_path)
    states = {"rates-1": "finished", "rates-2": "waiting", "rates-10": "held"}
    for number, (name, state) in enumerate(states.items(), 1):
        changes = {"optimizer.learning_rate": 0.1 / number}
        server.jobs[name] = make_job(name, number, state=state, array="rates", changes=changes)
    server.change("rates-1", headline=ACCURACY, metrics={"accuracy": 0.9})
    return server


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        ("cancel", ["finished", "cancelled", "cancelled"]),
        ("hold", ["finished", "held", "held"]),
        ("release", ["finished", "waiting", "waiting"]),
    ],
)
def test_a_command_reaches_the_jobs_of_a_sweep_that_it_can_change(
    verb: str, states: list[str], rates: FakeServer
) -> None:
    assert main([verb, "rates"]) == 0

    assert [job.state for job in rates.jobs.values()] == states


def test_a_command_that_no_job_of_the_sweep_can_follow_says_why(
    rates: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retry", "rates"]) == 2

    assert "the jobs of this sweep are finished, held, waiting" in capsys.readouterr().err


def test_the_priority_of_a_sweep(rates: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["priority", "rates", "7"]) == 0

    assert capsys.readouterr().out == "rates-2 has priority 7\nrates-10 has priority 7\n"


def test_wait_waits_for_every_job_of_a_sweep(
    rates: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    rates.changes = {"rates-2": [{}, {"state": "finished"}], "rates-10": [{"state": "failed"}]}

    assert main(["wait", "rates", "--json"]) == 3

    ended = json.loads(capsys.readouterr().out)
    assert [(job["name"], job["state"]) for job in ended] == [
        ("rates-1", "finished"),
        ("rates-2", "finished"),
        ("rates-10", "failed"),
    ]


def test_sweep_shows_that_of_a_server(
    rates: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "rates", "--best-job", "best.yaml"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        *("trial", "optimizer.learning_rate", "test", "accuracy", "state", "step", "time")
    ]
    assert lines[1].split()[:4] == ["rates-1", "0.1", "90.00%", "finished"]
    assert lines[-1] == ("the best is rates-1: test accuracy 90.00%; its job file is best.yaml")
    assert Path("best.yaml").read_text() == "name: digits\n"


def test_sweep_says_which_trials_were_stopped_early(
    rates: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    rates.rungs, rates.trials_at_once = (1 / 9, 1 / 3), 2
    rates.change("rates-2", state="stopped early")

    assert main(["sweep", "rates"]) == 0

    printed = capsys.readouterr()
    assert "stopped early" in printed.out
    assert "1 of 3 trials stopped early; trials are compared at 1/9, 1/3 of their epochs" in (
        printed.err
    )
    assert "at most 2 trials at once" in printed.err


def test_sweep_says_where_it_has_looked(
    rates: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["sweep", "absent"]) == 2

    message = capsys.readouterr().err
    assert "absent: no such sweep" in message
    assert "there is no sweep absent" in message
