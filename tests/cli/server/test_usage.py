"""`distnet usage` against a server with jobs that have ended."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.protocol.usage import Used
from tests.server.harness import ADA, BOB, Harness, asks
from tests.server.http.api import Api
from tests.server.http.live import live


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A job of ada's and one of bob's, two workers for 1,000 s and one; the caller is ada."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.submit(asks(workers=2), user=ADA, steps=4)
        harness.submit(asks(workers=1), user=BOB)
        harness.run(2, every_s=1000.0)
        for attempt in harness.cluster.attempts.values():
            attempt.used = Used(
                cpu_s=900.0,
                peak_bytes=1_500_000_000,
                node_bytes=6_000_000_000,
                num_steps=5,
            )
        harness.run_until_all_ended(every_s=1000.0)
        api = Api(harness)
        with live(api) as address:
            monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
            monkeypatch.setenv("DISTNET_SERVER", address)
            monkeypatch.setenv("DISTNET_TOKEN", api.token("ada"))
            yield api


def test_hours_are_a_table_with_a_total(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTNET_TOKEN", api.token("root"))

    assert main(["usage", "--by", "user", "--since", "2027-01", "--until", "2027-02"]) == 0

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["user", "jobs", "CPU", "hours", "GPU", "hours"]
    assert [line[0] for line in lines[1:]] == ["ada", "bob", "total"]
    ada, bob, total = (float(line[2]) for line in lines[1:])
    assert (ada, bob) == (pytest.approx(2 * bob, abs=0.02), pytest.approx(total / 3, abs=0.02))


def test_a_user_sees_own_jobs_and_how_well_they_used_what_they_had(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["usage", "--by", "job", "--since", "2027-01", "--until", "2027-02"]) == 0
    head, line, total = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "job",
        "CPU",
        "hours",
        "GPU",
        "hours",
        "CPU",
        "used",
        "GPU",
        "used",
        "memory",
    ]
    assert line.split()[0] == "digits-1"
    assert line.endswith("1.5 GB")
    assert total.split()[0] == "total"

    assert main(["usage", "digits-1"]) == 0
    printed = capsys.readouterr().out
    assert "digits-1 of ada, team vision: finished" in printed
    assert "0.25 CPU hours used, " in printed
    assert "1.5 GB at most in one worker, 25.0% of the 6.0 GB of its node" in printed
    assert "5 steps made, 1 of them again after a failure (20.0%)" in printed

    assert main(["usage", "digits-1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["job"], found["cpu_used_s"], found["num_recomputed"]) == ("digits-1", 900.0, 1)


@pytest.mark.check
def test_json_has_the_seconds(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["usage", "--by", "month", "--by", "team", "--json"]
    assert main([*command, "--since", "2027-01", "--until", "2027-01"]) == 0

    found = json.loads(capsys.readouterr().out)

    assert [(row["month"], row["team"]) for row in found["rows"]] == [("2027-01", "vision")]
    assert found["rows"][0]["cpu_s"] == found["total"]["cpu_s"] > 0
    assert (found["since"], found["until"]) == (1_798_761_600.0, 1_801_440_000.0)


@pytest.mark.check
def test_mistakes_are_named(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, text in (
        (["--user", "bob"], "only an admin can see the usage of others"),
        (["--by", "week"], "--by: found 'week', expected user, team, month or job"),
        (["--since", "2026-13"], "found the month '2026-13', expected one such as 2026-11"),
        (["--since", "soon"], "found the time 'soon'"),
        (["--since", "2027-03", "--until", "2027-01"], "expected a time before"),
        (["digits-9"], "there is no job digits-9"),
    ):
        assert main(["usage", *arguments]) == 2
        assert text in capsys.readouterr().err
