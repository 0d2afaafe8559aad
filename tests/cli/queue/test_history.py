"""`distnet history` as a person types it."""

import json

import pytest

from distnet.cli.main import main
from distnet.protocol.cluster import EventResponse
from tests.client.fake_server import FakeServer, make_job


def test_history_shows_what_has_ended(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["history"]) == 0
    printed = capsys.readouterr().out
    assert "old-1  failed" in printed
    assert "1 min 30 s" in printed
    assert "digits-1" not in printed

    assert main(["history", "--since", "2h", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_history_shows_the_metric_of_the_last_evaluation(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    rmse = {"name": "rmse", "format": "number", "direction": "lower"}
    measured = {"headline": rmse, "metrics": {"rmse": 3.25, "mae": 2.0}, "split": "test"}
    queue.change("old-1", state="finished", loss=0.5, error=None, reason="", **measured)

    assert main(["history"]) == 0

    head, line = capsys.readouterr().out.splitlines()
    assert head.split()[5:7] == ["loss", "metric"]
    assert "0.5000  test rmse 3.25 " in line


def test_history_reads_pages_until_there_are_enough(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.page = 2
    for number in range(7):
        ended = {"state": "finished", "ended_at": 1000.0 * number}
        server.jobs[f"a-{number}"] = make_job(f"a-{number}", number, **ended)

    assert main(["history", "--since", "1970-01-02", "--limit", "5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["history", "--limit", "5", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 5


def test_history_of_a_job_is_all_its_events(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"kind": "state", "job": "digits-1", "actor": "scheduler"}
    queue.events = [
        EventResponse(number=n, time=1000.0 + n, text=f"thing {n}", **facts) for n in range(1, 6)
    ]

    assert main(["history", "digits-1"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line[-7:] for line in lines] == [f"thing {n}" for n in range(1, 6)]


def test_history_says_what_was_removed(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.change("old-1", removed_at=4000.0)

    assert main(["history"]) == 0
    assert "nan; log removed" in capsys.readouterr().out
    assert main(["logs", "old-1"]) == 0
    printed = capsys.readouterr().err
    assert "the log of old-1 was removed on " in printed
