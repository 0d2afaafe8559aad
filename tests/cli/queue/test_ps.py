"""`distnet ps` as a person types it."""

import json
import os
import signal
import subprocess
import sys

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer, make_job


def test_ps_shows_the_order_of_the_schedule(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    assert main(["ps"]) == 0

    assert capsys.readouterr().out.splitlines() == [
        "job       state      w  prio  owner  status",
        "digits-1  running    2     0  ada    32% loss 0.123 test accuracy 95.88% 13 min…",
        "digits-3  waiting  1-4     9  bob    no room",
        "digits-2  waiting    2     0  ada    digits-3 [2Jcomes first",
    ]


def test_ps_says_where_jobs_that_ended_are(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.jobs.clear()

    assert main(["ps"]) == 0

    assert capsys.readouterr().err == (
        "no such jobs; those that have ended: distnet history; submit one with: "
        "distnet submit JOB\n"
    )


def test_ps_has_a_column_for_each_figure_where_there_is_room(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")

    assert main(["ps"]) == 0

    head, first, *_ = capsys.readouterr().out.splitlines()
    wanted = "job state workers done loss metric samples/s left owner prio reason"
    assert head.split() == wanted.split()
    shown = "digits-1 running 2 32.0% 0.1235 test accuracy 95.88% 123,456 13 min ada 0"
    assert first.split() == shown.split()


def test_ps_shows_the_metric_of_a_regression(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    mae = {"name": "mae", "format": "number", "direction": "lower"}
    queue.change("digits-1", headline=mae, metrics={"mae": 0.21345}, split="valid")

    assert main(["ps"]) == 0
    _, first, second, _ = capsys.readouterr().out.splitlines()
    assert "0.1235  valid mae 0.2135 " in first
    assert "valid" not in second
    assert " - " in second  # a job without an evaluation has no metric yet


def test_ps_shows_workers_that_change(
    queue: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    queue.change("digits-1", workers=1, wanted=2)

    assert main(["ps"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[2] == "1→2"


@pytest.mark.parametrize("width", [64, 80, 100, 140])
def test_ps_fits_the_terminal(
    width: int,
    queue: FakeServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "a-nightly-job-with-a-long-name-217"
    queue.jobs[name] = make_job(name, 9, owner="a-long-name", reason="because " * 40)
    monkeypatch.setenv("COLUMNS", str(width))

    assert main(["ps"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    assert "217  waiting" in lines[-1]  # the number of a job is never cut off


def test_ps_goes_page_by_page(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "--limit", "2"]) == 0
    printed = capsys.readouterr()
    assert "digits-2" not in printed.out
    assert "3 jobs in all; next page: --after 2" in printed.err

    assert main(["ps", "--limit", "2", "--after", "2", "--json"]) == 0
    page = json.loads(capsys.readouterr().out)
    assert [job["name"] for job in page["jobs"]] == ["digits-2"]
    assert page["next"] is None


def test_ps_filters(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ps", "--all", "--owner", "ada", "--team", "vision", "--json"]) == 0

    names = [job["name"] for job in json.loads(capsys.readouterr().out)["jobs"]]
    assert names == ["digits-1", "digits-2", "old-1"]
    assert main(["ps", "--array", "none"]) == 0
    assert "distnet submit" in capsys.readouterr().err


def test_ps_imports_nothing_heavy(queue: FakeServer) -> None:
    code = (
        "import sys; from distnet.cli.main import main; main(['ps']);"
        "print(sorted(set(sys.argv[1:]) & sys.modules.keys()), file=sys.stderr)"
    )
    heavy = [
        "torch",
        "ray",
        "fastapi",
        "sqlalchemy",
        "httpx",
        "urllib3",
        "numpy",
        "rich",
        "yaml",
    ]
    heavy += ["distnet.spec.sections.job", "distnet.server.server", "distnet.protocol.jobs"]

    done = subprocess.run(
        [sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"
    assert "digits-1" in done.stdout


def test_watching_ends_with_an_interrupt(queue: FakeServer) -> None:
    command = [sys.executable, "-u", "-m", "distnet.cli", "ps", "--watch"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None

    while "digits-2" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.stdout.read()
    process.stdout.close()

    assert process.wait() == 0
