import json
import math
from pathlib import Path

from distnet.run_folder.evaluation import EvaluationRecord, read_evaluation
from distnet.run_folder.figures import Dots, Table
from tests.run_folder.run_folders import ACCURACY


def test_an_evaluation_is_read_back(tmp_path: Path) -> None:
    record = EvaluationRecord(
        split="valid",
        step=7,
        num_samples=3,
        task="classify",
        metrics={"loss": 0.5, "accuracy": 0.75},
        declared=(ACCURACY,),
        figures=(Table("Each class", ("class", "F1"), (("cat", 0.5),)),),
    )
    (tmp_path / "evaluation.json").write_bytes(record.to_json())

    assert read_evaluation(tmp_path / "evaluation.json") == record


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path: Path) -> None:
    dots = Dots("Scores", "class", ("cat",), {"F1": (math.nan,)})
    record = EvaluationRecord(metrics={"loss": math.inf}, figures=(dots,))
    (tmp_path / "evaluation.json").write_bytes(record.to_json())

    found = read_evaluation(tmp_path / "evaluation.json")

    assert json.loads(record.to_json())["metrics"] == {"loss": None}
    assert found is not None
    assert math.isnan(found.metrics["loss"])
    assert isinstance(found.figures[0], Dots)
    assert math.isnan(found.figures[0].series["F1"][0])


def test_a_missing_file_is_no_evaluation(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path / "evaluation.json") is None


def test_figures_of_a_newer_version_are_left_out_and_named(tmp_path: Path) -> None:
    facts = {"figures": [{"kind": "hologram"}, {"kind": "texts", "title": "a", "rows": ["b"]}]}
    (tmp_path / "evaluation.json").write_text(json.dumps(facts))

    found = read_evaluation(tmp_path / "evaluation.json")

    assert found is not None
    assert [figure.kind for figure in found.figures] == ["texts"]
    assert found.unknown_kinds == ("hologram",)
