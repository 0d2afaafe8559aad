from pathlib import Path

import pytest

from distnet.errors import RunError
from distnet.report.find import find_run, list_runs
from tests.run_folder.run_folders import STARTED, digits_run, new_run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    digits_run(folder / "digits-1", started=STARTED + 50)
    digits_run(folder / "digits-2", started=STARTED + 90)
    new_run(folder / "prices")
    (folder / "notes").mkdir()
    (folder / "readme.txt").write_text("not a run")
    return folder


def test_runs_are_listed_newest_first_when_other_things_lie_beside_them(runs: Path) -> None:
    assert [run.name for run in list_runs(runs)] == ["digits-2", "digits-1", "prices"]


def test_a_missing_folder_holds_no_runs(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "none") == []


def test_a_run_is_found_by_name_path_and_as_the_latest(runs: Path) -> None:
    assert find_run("digits-1", runs).path == runs / "digits-1"
    assert find_run(str(runs / "prices"), Path("elsewhere")).path == runs / "prices"
    assert find_run("latest", runs).path == runs / "digits-2"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("digts-1", "did you mean digits-1 or digits-2"),
        ("price", "did you mean prices"),
        ("s-2", "did you mean digits-2"),
        ("", "no such run"),
        ("zebra", "list the runs with: distnet runs --runs"),
        ("latst", "did you mean latest"),
        ("runs/zebra", "no such run"),
    ],
)
def test_a_near_miss_names_the_runs_that_are_near(runs: Path, reference: str, message: str) -> None:
    with pytest.raises(RunError, match=message):
        find_run(reference, runs)


def test_a_near_miss_of_a_path_names_the_runs_of_its_folder(runs: Path) -> None:
    with pytest.raises(RunError, match="did you mean digits-1 or digits-2"):
        find_run(str(runs / "digts-1"), Path("elsewhere"))


def test_an_empty_folder_is_no_run(runs: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        find_run(str(runs / "notes"), runs)


@pytest.mark.parametrize("reference", ["latest", "digits"])
def test_a_folder_without_runs_says_how_to_start_one(tmp_path: Path, reference: str) -> None:
    with pytest.raises(RunError, match="has no runs yet. Start one with: distnet run JOB"):
        find_run(reference, tmp_path)
