import json
from pathlib import Path

import numpy as np
import pytest

from distnet.errors import RunError
from distnet.report.evaluation import read_pictures
from distnet.report.run import Run, read_run
from distnet.run_folder.paths import RunFolder
from tests.run_folder import run_folders


def read(path: Path) -> Run:
    return read_run(RunFolder(path))


def test_a_finished_run_is_read_whole(digits: Path) -> None:
    run = read(digits)

    assert (run.score_name, run.split) == ("accuracy", "test")
    assert run.plan["num_parameters"] == 13_002
    assert run.evaluation is not None
    assert run.evaluation.per_class[3].name == "3"
    assert run.result is not None
    assert run.result.weights_sha256 == "0" * 64


def test_a_regression_has_no_classes(table: Path) -> None:
    run = read(table)

    assert run.score_name == "mae"
    assert run.evaluation is not None
    assert (run.evaluation.classes, run.evaluation.confusions) == ((), [])
    assert run.evaluation.worst[0].actual == 12.5


def test_a_run_that_has_just_begun_is_read(new: Path) -> None:
    run = read(new)

    assert (run.score_name, run.evaluation, run.result) == (None, None, None)


def test_the_score_is_known_before_the_first_evaluation(tmp_path: Path) -> None:
    run_folders.begun_run(tmp_path / "run", epochs=1, steps_per_epoch=20)
    run_folders.write_lines(
        tmp_path / "run", run_folders.trained(1, range(1, 5), 20, score_name="distance")
    )

    assert read(tmp_path / "run").score_name == "distance"


def test_the_pairs_most_often_confused_come_first(digits: Path) -> None:
    evaluation = run_folders.classification(("cat", "dog"))
    evaluation["confusion"] = [[5, 2], [7, 9]]
    run_folders.write_evaluation(digits, evaluation)

    found = read(digits).evaluation

    assert found is not None
    assert found.confusions == [("dog", "cat", 7), ("cat", "dog", 2)]


def test_the_result_of_an_earlier_attempt_does_not_count(digits: Path) -> None:
    lines = digits / "metrics.jsonl"
    later = [run_folders.attempt(2, step=60), run_folders.end(2, "failed", 61, error="disk full")]
    lines.write_text(lines.read_text() + "".join(json.dumps(line) + "\n" for line in later))

    assert read(digits).result is None


@pytest.mark.parametrize("kind", ["folder", "file", "missing"])
def test_a_place_without_a_run_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "here"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("no run")

    with pytest.raises(RunError, match="here: no run here: expected job.yaml"):
        read(path)


@pytest.mark.parametrize(
    "name", ["plan.json", "environment.json", "evaluation.json", "result.json"]
)
@pytest.mark.parametrize("text", ['{"a": ', "[1]", '"text"', "\x00"])
def test_a_damaged_file_is_named(digits: Path, name: str, text: str) -> None:
    (digits / name).write_text(text)

    with pytest.raises(RunError, match=f"{name}: damaged"):
        read(digits)


@pytest.mark.parametrize(
    ("name", "value", "where"),
    [
        ("evaluation.json", {"metrics": {"accuracy": "good"}}, "metrics.accuracy"),
        ("evaluation.json", {"classes": ["a"], "confusion": [[1, 2]]}, "confusion"),
        ("result.json", {"status": "finished", "samples_per_second": "fast"}, "samples_per_second"),
    ],
)
def test_a_wrong_value_is_named(digits: Path, name: str, value: object, where: str) -> None:
    (digits / name).write_text(json.dumps(value))

    with pytest.raises(RunError, match=f"{name}: damaged at {where}"):
        read(digits)


def test_pictures_are_read_when_they_are_there(digits: Path, table: Path) -> None:
    pictures = read_pictures(digits / "pictures.npz")

    assert pictures.worst is not None
    assert pictures.worst.shape == (20, 1, 28, 28)
    assert read_pictures(table / "pictures.npz").first_layer is None


def test_damaged_pictures_are_named(digits: Path) -> None:
    path = digits / "pictures.npz"
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(RunError, match=r"pictures\.npz: damaged"):
        read_pictures(path)


def test_pictures_of_a_wrong_shape_are_named(digits: Path) -> None:
    np.savez(digits / "pictures.npz", worst=np.zeros((3, 28)))

    with pytest.raises(RunError, match=r"pictures\.npz: damaged at worst: expected 4 axes"):
        read_pictures(digits / "pictures.npz")
