import json
from pathlib import Path

import numpy as np
import pytest

from distnet.errors import RunError
from distnet.report.arrays import read_arrays
from distnet.report.run import Run, read_run
from distnet.run_folder.paths import RunFolder
from distnet.spec.metric import Metric
from tests.run_folder import run_folders


def read(path: Path) -> Run:
    return read_run(RunFolder(path))


def test_a_finished_run_is_read_whole(digits: Path) -> None:
    run = read(digits)

    assert (run.headline, run.split) == (run_folders.ACCURACY, "test")
    assert run.plan["num_parameters"] == 13_002
    assert run.evaluation is not None
    assert [figure.kind for figure in run.evaluation.figures][:2] == ["confusion", "dots"]
    assert run.result is not None
    assert run.result.weights_sha256 == "0" * 64


def test_a_regression_has_its_own_headline(table: Path) -> None:
    run = read(table)

    assert run.headline == run_folders.MAE
    assert run.evaluated["mae"] == run.history.epochs[-1].evaluated["test"]["mae"]


def test_a_run_that_has_just_begun_is_read(new: Path) -> None:
    run = read(new)

    assert (run.headline, run.evaluation, run.result) == (run_folders.ACCURACY, None, None)
    assert run.evaluated == {}


def test_the_result_is_that_of_the_last_evaluation_not_of_training(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=3, steps_per_epoch=20)
    epochs = [
        {"kind": "epoch", "epoch": 1, "step": 20, "train": {"hits": 0.5}, "valid": {"hits": 0.4}},
        {"kind": "epoch", "epoch": 2, "step": 40, "train": {"hits": 0.9}},
        {"kind": "step", "step": 45, "loss": 0.1, "hits": 1.0},
    ]
    began = run_folders.attempt(1, metrics=(Metric("hits", "percent", "higher"),), split="valid")
    run_folders.write_lines(run, [began, *epochs])

    assert (read(run).split, read(run).evaluated) == ("valid", {"hits": 0.4})


def test_an_evaluation_that_no_epoch_records_counts(new: Path) -> None:
    run_folders.write_evaluation(new, run_folders.classification(("cat", "dog")))

    assert read(new).evaluated["top5"] == 0.998


def test_the_result_of_an_earlier_attempt_does_not_count(digits: Path) -> None:
    lines = digits / "metrics.jsonl"
    later = [run_folders.attempt(2, step=60), run_folders.end(2, "failed", 61, error="disk full")]
    lines.write_text(lines.read_text() + "".join(json.dumps(line) + "\n" for line in later))

    assert read(digits).result is None


@pytest.mark.parametrize("kind", ["folder", "file", "missing"])
def test_a_folder_without_a_run_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "here"
    if kind == "folder":
        path.mkdir()
    elif kind == "file":
        path.write_text("no run")

    with pytest.raises(RunError, match="here: not a run folder: expected job.yaml"):
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
        ("evaluation.json", {"metrics": {}, "declared": [{}], "figures": []}, "declared.0"),
        ("evaluation.json", {"figures": [{"kind": "texts", "title": "x"}]}, "figures.0.rows"),
        (
            "evaluation.json",
            {"classes": ["a"], "confusion": [[1, 2]], "per_class": []},
            "counts: expected 1 values each, found 2",
        ),
        ("evaluation.json", {"classes": ["a"], "confusion": [[1]]}, "'per_class'"),
        ("result.json", {"status": "finished", "samples_per_second": "fast"}, "samples_per_second"),
    ],
)
def test_a_wrong_value_is_named(digits: Path, name: str, value: object, where: str) -> None:
    (digits / name).write_text(json.dumps(value))

    with pytest.raises(RunError, match=f"{name}: damaged at {where}"):
        read(digits)


def test_damaged_pictures_are_named(digits: Path) -> None:
    path = digits / "pictures.npz"
    path.write_bytes(path.read_bytes()[:5000])

    with pytest.raises(RunError, match=r"pictures\.npz: damaged"):
        read_arrays(path)


def test_pictures_of_a_wrong_shape_are_named(digits: Path) -> None:
    np.savez(digits / "pictures.npz", worst=np.zeros((3, 28)))

    with pytest.raises(RunError, match=r"pictures\.npz: damaged at worst: expected \[n, C, H, W\]"):
        read_arrays(digits / "pictures.npz")
