"""Where an earlier epoch was better than the last one, everything that uses a run says so."""

from pathlib import Path

import pytest

from distnet.report.best import better_than
from distnet.report.commands import commands
from distnet.report.page import write_report
from distnet.report.run import Run, read_run
from distnet.report.summary import summarise
from distnet.run_folder.paths import RunFolder
from distnet.spec.metric import Metric
from tests.cli.results.command import call, parsed
from tests.run_folder.run_folders import ACCURACY, MAE, attempt, begun_run, end, write_lines

NAN = float("nan")


def run_of(
    folder: Path, values: list[float], metric: Metric = ACCURACY, saved_in: str = "checkpoints/x"
) -> Run:
    """A run of 10 steps an epoch whose epochs measured these values."""
    begun_run(folder, epochs=len(values), steps_per_epoch=10)
    epochs = [
        {"kind": "epoch", "epoch": i, "step": 10 * i, "test": {"loss": 1.0, metric.name: value}}
        for i, value in enumerate(values, start=1)
    ]
    saved = {"kind": "checkpoint", "step": 10 * len(values), "folder": saved_in}
    steps = 10 * len(values)
    lines = [attempt(1, metrics=(metric,)), *epochs, saved, end(1, "finished", steps)]
    write_lines(folder, lines)
    return read_run(RunFolder(folder))


@pytest.mark.parametrize(
    ("values", "metric", "epoch"),
    [
        ([0.5, 0.9, 0.8], ACCURACY, 2),
        ([0.9, 0.9, 0.8], ACCURACY, 2),
        ([0.5, 0.8, 0.9], ACCURACY, None),
        ([0.5, 0.9, 0.9], ACCURACY, None),
        ([NAN, 0.7, NAN], ACCURACY, 2),
        ([3.0, 1.0, 2.0], MAE, 2),
        ([1.0], MAE, None),
    ],
)
def test_the_best_epoch_is_found_by_the_metrics_direction(
    values: list[float], metric: Metric, epoch: int | None, tmp_path: Path
) -> None:
    found = better_than(run_of(tmp_path / "run", values, metric))

    assert (found and found.epoch) == epoch


def test_it_is_said_whether_its_checkpoint_is_kept(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [0.5, 0.9, 0.8])
    found = better_than(run)
    assert found is not None
    assert found.text == (
        "epoch 2 (step 20) was better: test accuracy 90.00% instead of 80.00% at step 30"
    )
    assert found.is_kept is False
    assert found.remedy.endswith("no longer kept; to keep it, train with checkpoint.keep_best: 1")

    (tmp_path / "run/checkpoints/step-00000020").mkdir(parents=True)
    kept = better_than(run)
    assert kept is not None
    assert kept.is_kept
    assert "--checkpoint 20" in kept.remedy
    assert ("export the best", f"distnet export {tmp_path}/run --checkpoint 20") in commands(
        run, summarise(run)
    )


def test_a_checkpoint_in_another_store_may_be_kept(tmp_path: Path) -> None:
    found = better_than(run_of(tmp_path / "run", [0.9, 0.8], saved_in="s3://bucket/run"))

    assert found is not None
    assert found.is_kept is None
    assert "if its checkpoint is kept" in found.remedy


def test_a_checkpoint_in_use_is_compared_with_all(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [0.5, 0.6, 0.9])

    better = better_than(run, 20)
    assert better is not None
    assert better.step == 30
    assert better_than(run, 30) is None
    assert better_than(run, 25) is None  # not evaluated, so unknown


def test_show_and_report_name_it(tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", [0.5, 0.9, 0.8])

    assert "epoch 2 (step 20) was better" in " ".join(
        call("show", "run", runs=tmp_path).stdout.split()
    )
    assert parsed("show", "run", runs=tmp_path)["summary"]["better"]["step"] == 20
    assert "Epoch 2 (step 20) was better" in write_report(run.folder).read_text()


def test_show_and_report_say_that_nothing_was_measured(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    begun_run(folder.path, epochs=1, steps_per_epoch=10)
    write_lines(folder.path, [attempt(1), end(1, "finished", 10)])

    assert "nothing was measured" in call("show", "run", runs=tmp_path).stdout
    assert "Nothing was measured" in write_report(folder).read_text()
