"""`distnet show` as a person types it."""

import re
from pathlib import Path

import pytest

from tests.cli.results.command import call, error_of, parsed
from tests.run_folder.run_folders import new_run


def test_show_prints_all_of_one_run(runs: Path) -> None:
    (runs / "digits-1/checkpoints/step-00000060").mkdir(parents=True)
    text = call("show", "digits-1", runs=runs).stdout

    for expected in ("digits-1", "finished", "test accuracy", "13,002", "123,456", "█", "▁"):
        assert expected in text
    assert "step-00000060" in text
    assert re.search(r"epoch +train loss +train accuracy +test loss +test accuracy", text)
    assert f"distnet predict {runs}/digits-1 image.png" in text


def test_show_says_why_a_run_failed_and_how_to_resume_it(runs: Path) -> None:
    text = call("show", "broken-net", runs=runs).stdout

    assert "the loss is NaN at step 30" in text
    assert f"distnet run --resume {runs}/broken-net" in text


def test_show_takes_the_latest(runs: Path) -> None:
    assert parsed("show", "latest", runs=runs)["summary"]["name"] == "digits-2"


def test_show_prints_everything_as_valid_json(runs: Path) -> None:
    shown = parsed("show", "digits-1", runs=runs)

    assert [epoch["epoch"] for epoch in shown["epochs"]] == [1, 2, 3]
    assert shown["epochs"][0]["test"]["accuracy"] > 0.5
    assert shown["attempts"][0]["ended"] == "finished"
    assert shown["plan"]["slices_per_worker"] == [[0, 2], [2, 4]]
    assert shown["evaluation"]["figures"][0]["classes"][0] == "0"
    assert shown["summary"]["weights_sha256"] == "0" * 64


def test_show_of_a_run_that_has_just_begun(tmp_path: Path) -> None:
    new_run(tmp_path / "new")

    assert "interrupted" in call("show", "new", runs=tmp_path).stdout
    assert parsed("show", "new", runs=tmp_path)["summary"]["headline"] is None


@pytest.mark.parametrize("command", ["show", "report"])
def test_a_typo_is_met_with_the_nearest_names(runs: Path, command: str) -> None:
    assert "did you mean broken-net?" in error_of(command, "broken-nte", runs=runs)
