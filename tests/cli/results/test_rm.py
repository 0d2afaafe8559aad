"""`distnet rm` as a person types it."""

import json
from pathlib import Path

import pytest

from distnet.errors import RunError, RunInUseError
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.sweeps.stored import REMOVED
from tests.cli.results.command import call, error_of, parsed
from tests.run_folder.run_folders import STARTED, digits_run

CONTENTS = {"job_file": "job.yaml", "job_folder": ".", "job": "name: digits"}


def names(runs: Path) -> set[str]:
    return {path.name for path in runs.iterdir()} - {REMOVED}


def sweep(runs: Path, name: str, *, started: float) -> None:
    """A sweep of three trials, two of which have begun."""
    trials = [{"name": f"{name}-{n}", "overrides": [f"train.seed={n}"]} for n in (1, 2, 3)]
    (runs / name).mkdir(parents=True)
    (runs / name / "sweep.json").write_text(json.dumps({**CONTENTS, "trials": trials}))
    for trial in trials[:2]:
        digits_run(runs / str(trial["name"]), started=started)


def test_a_run_is_removed_by_its_name(runs: Path) -> None:
    removed = parsed("rm", "digits-1", "--yes", runs=runs)["removed"]

    assert [one["name"] for one in removed] == ["digits-1"]
    assert removed[0]["size_bytes"] > 1000
    assert names(runs) == {"digits-2", "broken-net"}
    assert not (runs / REMOVED).exists()


def test_without_yes_nothing_is_removed_where_nobody_can_agree(runs: Path) -> None:
    result = call("rm", "digits-1", "digits-2", runs=runs)

    assert "removes digits-1, digits-2 (" in result.stderr
    assert str(result.exception) == "found no terminal to ask at, expected --yes"
    assert names(runs) == {"digits-1", "digits-2", "broken-net"}


def test_a_run_that_trains_stays_and_so_do_those_named_beside_it(runs: Path) -> None:
    with held(RunFolder(runs / "digits-2")):
        result = call("rm", "digits-1", "digits-2", "--yes", runs=runs)

        assert isinstance(result.exception, RunInUseError)
        assert "digits-2: found a run that trains, expected one" in str(result.exception)
        assert names(runs) == {"digits-1", "digits-2", "broken-net"}

        kept = call("rm", "--keep", "0", "--yes", runs=runs)
        assert "digits-2 stays: it trains" in kept.stderr
    assert names(runs) == {"digits-2"}


def test_the_newest_stay(runs: Path) -> None:
    sweep(runs, "rates-1", started=STARTED + 15)
    found = parsed("rm", "--keep", "2", "--yes", runs=runs)["removed"]

    assert {one["name"] for one in found} == {"digits-1", "broken-net"}
    assert names(runs) == {"digits-2", "rates-1", "rates-1-1", "rates-1-2"}


def test_a_sweep_goes_with_its_trials(runs: Path) -> None:
    sweep(runs, "rates-1", started=STARTED + 15)
    parsed("rm", "rates-1", "--yes", runs=runs)

    assert names(runs) == {"digits-1", "digits-2", "broken-net"}


def test_what_is_older_goes_but_for_the_newest(runs: Path) -> None:
    digits_run(runs / "new", started=4e9)

    assert parsed("rm", "--older-than", "2d", "--keep", "4", "--yes", runs=runs)["removed"] == []
    parsed("rm", "--older-than", "2d", "--keep", "2", "--yes", runs=runs)
    assert names(runs) == {"new", "digits-2"}
    parsed("rm", "--older-than", "2d", "--yes", runs=runs)
    assert names(runs) == {"new"}
    assert "found nothing to remove" in call("rm", "--older-than", "2d", runs=runs).stderr


def test_what_an_interrupt_left_is_removed_next_time(runs: Path) -> None:
    digits_run(runs / REMOVED / "digits-1.0")

    assert "digits-1.0" not in call("runs", runs=runs).stdout
    parsed("rm", "digits-1", "--yes", runs=runs)
    assert not (runs / REMOVED).exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "found neither of runs and --keep or --older-than"),
        (["digits-1", "--keep", "1"], "found both of runs and --keep"),
        (["digits-3"], "did you mean digits-"),
    ],
)
def test_what_is_unclear_is_refused(options: list[str], message: str, runs: Path) -> None:
    assert message in error_of("rm", *options, runs=runs)
    assert names(runs) == {"digits-1", "digits-2", "broken-net"}


def test_a_time_that_is_none_is_refused(runs: Path) -> None:
    result = call("rm", "--older-than", "old", runs=runs)

    assert "found the time 'old', expected" in str(result.exception)
    assert not isinstance(result.exception, RunError)
