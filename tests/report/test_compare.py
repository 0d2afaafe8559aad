import json
from pathlib import Path

import pytest

from distnet.errors import RunError
from distnet.report.compare import Comparison, compare_runs
from distnet.report.overlay import write_comparison, write_overlay
from distnet.report.run import Run, read_run
from distnet.run_folder.paths import RunFolder
from distnet.spec.metric import Metric
from tests.run_folder.run_folders import (
    ACCURACY,
    attempt,
    digits_run,
    new_run,
    table_run,
    write_lines,
)


def runs(*paths: Path) -> list[Run]:
    return [read_run(RunFolder(path)) for path in paths]


@pytest.fixture
def pair(tmp_path: Path) -> list[Run]:
    first = digits_run(tmp_path / "first", seed=0)
    return runs(first, digits_run(tmp_path / "second", seed=1, rate=0.5))


def test_only_what_differs_in_the_jobs_is_listed(pair: list[Run]) -> None:
    assert compare_runs(pair).job == {"optimizer.learning_rate": (0.1, 0.5), "train.seed": (0, 1)}


def test_a_key_that_one_job_lacks_is_listed(tmp_path: Path) -> None:
    paths = [new_run(tmp_path / name) for name in ("a", "b")]
    augment = "data:\n  augment:\n    - kind: crop\n      padding: 2\n"
    job = paths[1] / "job.yaml"
    job.write_text(job.read_text() + augment)

    job_rows = compare_runs(runs(*paths)).job

    assert job_rows == {"data.augment.0.kind": (None, "crop"), "data.augment.0.padding": (None, 2)}


def test_data_that_changed_under_the_same_name_is_listed(tmp_path: Path) -> None:
    paths = [new_run(tmp_path / name) for name in ("a", "b")]
    for path, letter in zip(paths, "ab", strict=True):
        (path / "environment.json").write_text(json.dumps({"data_sha256": letter * 64}))

    assert compare_runs(runs(*paths)).job == {"data.sha256": ("a" * 12, "b" * 12)}


def test_metrics_are_compared_with_the_first_run(pair: list[Run]) -> None:
    comparison = compare_runs(pair)

    first, second = comparison.metrics["test_accuracy"]
    assert first is not None
    assert second is not None
    assert comparison.differences["test_accuracy"] == (0.0, second - first)


def test_better_and_worse_follow_the_direction_of_the_metric(tmp_path: Path) -> None:
    paths = [new_run(tmp_path / name) for name in ("a", "b")]
    metrics = (ACCURACY, Metric("error"))
    for path, value in zip(paths, (0.5, 0.75), strict=True):
        epoch = {"kind": "epoch", "epoch": 1, "step": 1}
        epoch["test"] = {"accuracy": value, "error": value, "loss": 0.5}
        write_lines(path, [attempt(1, metrics=metrics), epoch])

    verdicts = compare_runs(runs(*paths)).verdicts

    assert verdicts["test_accuracy"] == ("", "better")
    assert verdicts["test_error"] == ("", "worse")
    assert verdicts["test_loss"] == ("", "")


def test_a_comparison_is_json(pair: list[Run]) -> None:
    facts = json.loads(json.dumps(compare_runs(pair).to_dict()))

    assert facts["declared"]["test_accuracy"] == ACCURACY.to_dict()
    assert [run["headline"]["name"] for run in facts["runs"]] == ["accuracy", "accuracy"]


def test_speed_is_a_ratio_to_the_first_run(pair: list[Run]) -> None:
    assert compare_runs(pair).speed_ratios == (1.0, 124_456 / 123_456)


def test_weights_are_the_same_only_when_every_sha256_is(tmp_path: Path, pair: list[Run]) -> None:
    (twin, new) = runs(digits_run(tmp_path / "twin", seed=0), new_run(tmp_path / "new"))

    assert compare_runs([pair[0], twin]).same_weights is True
    assert compare_runs(pair).same_weights is False
    assert compare_runs([pair[0], new]).same_weights is None


def test_runs_of_one_name_are_distinguished_by_their_folders(tmp_path: Path) -> None:
    paths = [new_run(tmp_path / folder / "digits") for folder in ("a", "b")]

    assert compare_runs(runs(*paths)).labels == tuple(map(str, paths))


def test_runs_of_different_tasks_can_be_compared(tmp_path: Path) -> None:
    comparison = compare_runs(runs(digits_run(tmp_path / "a"), table_run(tmp_path / "b")))

    assert comparison.metrics["test_mae"][0] is None
    assert comparison.differences["test_mae"] == (None, None)


def test_one_run_cannot_be_compared(pair: list[Run]) -> None:
    with pytest.raises(RunError, match="at least two runs"):
        compare_runs(pair[:1])


def test_a_damaged_job_file_is_named(tmp_path: Path, pair: list[Run]) -> None:
    broken = new_run(tmp_path / "broken")
    (broken / "job.yaml").write_text("a: [1,")

    with pytest.raises(RunError, match=r"broken/job\.yaml: damaged"):
        compare_runs([*pair, *runs(broken)])


def test_a_comparison_has_a_page_and_a_figure(tmp_path: Path, pair: list[Run]) -> None:
    comparison = compare_runs(pair)
    write_comparison(tmp_path / "out" / "compare.html", pair, comparison)
    write_overlay(tmp_path / "compare.png", pair, comparison)

    html = (tmp_path / "out" / "compare.html").read_text()
    assert html.count("<svg") == 2
    assert "optimizer.learning_rate" in html
    assert "different weights" in html
    assert (tmp_path / "compare.png").read_bytes().startswith(b"\x89PNG")


def test_a_comparison_with_a_run_that_has_just_begun_has_a_page(
    tmp_path: Path, pair: list[Run]
) -> None:
    both = [pair[0], *runs(new_run(tmp_path / "<i>new"))]
    write_comparison(tmp_path / "compare.html", both, compare_runs(both))

    html = (tmp_path / "compare.html").read_text()
    assert "&lt;i&gt;new" in html
    assert "<i>" not in html


def test_a_comparison_is_written_as_json(pair: list[Run]) -> None:
    facts = json.loads(json.dumps(_dict(compare_runs(pair))))

    assert facts["same_weights"] is False
    assert facts["job"]["train.seed"] == [0, 1]
    assert [run["name"] for run in facts["runs"]] == ["first", "second"]


def _dict(comparison: Comparison) -> dict[str, object]:
    return comparison.to_dict()
