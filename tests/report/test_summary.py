import fcntl
import json
import os
from pathlib import Path

import pytest

from distnet.report.run import read_run
from distnet.report.summary import Summary, attempt_rows, summarise
from distnet.run_folder.paths import RunFolder
from tests.run_folder import run_folders


def summary(path: Path) -> Summary:
    return summarise(read_run(RunFolder(path)))


def test_a_finished_run_is_summed_up(digits: Path) -> None:
    found = summary(digits)

    assert (found.name, found.status, found.workers) == ("digits", "finished", 2)
    assert (found.epochs, found.epochs_planned, found.steps, found.steps_planned) == (3, 3, 60, 60)
    assert found.headline is not None
    assert (found.headline.name, found.headline.metric.direction) == ("test accuracy", "higher")
    assert found.headline.value == found.metrics["test_accuracy"]
    assert found.train_loss == found.metrics["train_loss"]
    assert found.samples_per_second == 123_456.0
    assert (found.started, found.seconds) == (run_folders.STARTED, 20.0)
    assert found.size_bytes == sum(file.stat().st_size for file in digits.iterdir())


def test_throughput_is_the_median_of_the_epochs_without_the_first(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=4, steps_per_epoch=20)
    epochs = [
        {"kind": "epoch", "epoch": i, "step": 20 * i, "samples_per_second": rate}
        for i, rate in enumerate([1.0, 50.0, 70.0, 90.0], start=1)
    ]
    run_folders.write_lines(run, [run_folders.attempt(1), *epochs])

    assert summary(run).samples_per_second == 70.0


def test_a_run_by_steps_may_end_within_an_epoch(new: Path) -> None:
    plan = new / "plan.json"
    plan.write_text(plan.read_text().replace('"epochs": 3.0', '"epochs": 2.5'))

    assert summary(new).epochs_planned == 2.5


def test_time_adds_up_over_the_attempts(resumed: Path) -> None:
    found = summary(resumed)

    assert found.seconds == pytest.approx(23.0)
    assert (found.attempts, found.workers) == (2, 3)


def test_a_failed_run_says_why(failed: Path) -> None:
    found = summary(failed)

    assert (found.status, found.error) == ("failed", "the loss is NaN at step 30")
    assert found.weights_sha256 is None


def test_a_run_without_an_end_is_running_only_while_its_folder_is_held(new: Path) -> None:
    assert summary(new).status == "interrupted"

    handle = os.open(new, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    assert summary(new).status == "running"

    os.close(handle)
    assert summary(new).status == "interrupted"


def test_a_run_that_has_just_begun_has_no_results(new: Path) -> None:
    found = summary(new)

    assert (found.steps, found.headline, found.train_loss) == (0, None, None)
    assert (found.samples_per_second, found.seconds) == (None, None)


def test_before_the_first_evaluation_only_the_training_loss_is_known(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run_folders.begun_run(run, epochs=1, steps_per_epoch=20)
    lines = [run_folders.attempt(1), *run_folders.trained(1, range(1, 5), 20)]
    run_folders.write_lines(run, lines)

    found = summary(run)

    assert found.headline is None
    assert found.train_loss == lines[-1]["loss"]
    assert found.to_dict()["metrics"] == {"train_loss": lines[-1]["loss"]}


def test_a_summary_is_json_with_the_headline_and_its_declaration(table: Path) -> None:
    facts = json.loads(json.dumps(summary(table).to_dict()))

    value = facts["metrics"]["test_mae"]
    assert facts["headline"] == {"split": "test", **run_folders.MAE.to_dict(), "value": value}


def test_an_attempt_without_a_recorded_end_was_interrupted(resumed: Path) -> None:
    run = read_run(RunFolder(resumed))

    rows = attempt_rows(run, summarise(run))

    assert [(row.workers, row.step, row.ended) for row in rows] == [
        (2, 0, "interrupted"),
        (3, 25, "finished"),
    ]
