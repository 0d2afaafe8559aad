import json
from pathlib import Path
from typing import Any

import pytest

from distnet.report.run import Run, read_run
from distnet.run_folder.evaluation import EvaluationRecord, read_evaluation
from distnet.run_folder.figures import Confusion, Dots, Images, Scatter, Table
from distnet.run_folder.paths import RunFolder
from distnet.spec.metric import Metric
from tests.run_folder.run_folders import ACCURACY, OLD, TOP5


def old_run(name: str) -> Run:
    return read_run(RunFolder(OLD / name))


def evaluation(name: str) -> EvaluationRecord:
    found = read_evaluation(OLD / name / "evaluation.json")
    assert found is not None
    return found


def written(name: str) -> Any:
    return json.loads((OLD / name / "evaluation.json").read_text())


def test_metrics_of_an_old_classification_are_declared() -> None:
    run = old_run("digits-1")

    assert run.metrics == (ACCURACY, TOP5, Metric("macro_f1", "percent", "higher"))
    assert (run.split, run.evaluated["accuracy"]) == ("test", 0.8703)


def test_metrics_of_an_old_regression_are_declared() -> None:
    run = old_run("prices-1")

    assert run.metrics == (Metric("mae"), Metric("rmse"), Metric("r2", direction="higher"))
    assert run.evaluated["mae"] == written("prices-1")["metrics"]["mae"]


def test_metrics_are_declared_without_an_evaluation(tmp_path: Path) -> None:
    lines = (OLD / "digits-1/metrics.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "metrics.jsonl").write_text("".join(lines[:4]))

    assert read_run(RunFolder(tmp_path)).metrics == (ACCURACY,)


def test_an_old_classification_has_figures() -> None:
    old, figures = written("digits-1"), evaluation("digits-1").figures

    confusion, dots, table, worst, layer = figures
    assert isinstance(confusion, Confusion)
    assert [list(row) for row in confusion.counts] == old["confusion"]
    assert isinstance(dots, Dots)
    assert dots.series["f1"][0] == min(row["f1"] for row in old["per_class"])
    assert isinstance(table, Table)
    assert [row[-1] for row in table.rows] == [row["num_samples"] for row in old["per_class"]]
    assert isinstance(worst, Images)
    assert worst.captions[0] == "actual 7\npredicted 2\n97.4% (#9009)"
    assert isinstance(layer, Images)
    assert (worst.array, layer.array) == ("worst", "first_layer")


def test_an_old_regression_has_figures() -> None:
    table, scatter, worst = evaluation("prices-1").figures

    assert isinstance(table, Table)
    assert table.columns == ("target", "mae", "rmse", "r2")
    assert isinstance(scatter, Scatter)
    assert len(scatter.series[0].x) == 6
    assert isinstance(worst, Table)


@pytest.mark.parametrize("name", ["digits-1", "prices-1"])
def test_a_converted_evaluation_is_written_in_the_new_form(name: str, tmp_path: Path) -> None:
    found = evaluation(name)
    (tmp_path / "evaluation.json").write_text(json.dumps(found.to_dict()))

    assert read_evaluation(tmp_path / "evaluation.json") == found
