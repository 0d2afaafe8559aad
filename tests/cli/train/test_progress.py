"""The progress of a run, on terminals of several widths and elsewhere."""

import io
from typing import Any

import pytest

from distnet.cli.console import LiteralConsole
from distnet.cli.train.progress import display_on
from distnet.report.live.progress import RunProgress

ACCURACY = {"name": "accuracy", "format": "percent", "direction": "higher"}
MAE = {"name": "mae", "format": "number", "direction": "lower"}
ATTEMPT = {
    "kind": "attempt", "run": "digits-1", "attempt": 1, "workers": 2, "step": 0,
    "num_steps": 7000, "num_epochs": 15.0, "metrics": [ACCURACY], "split": "test",
}  # fmt: skip
STEP = {
    "kind": "step", "step": 5110, "epoch": 12, "loss": 0.1234, "accuracy": 0.9862,
    "samples_per_second": 120_459.0,
}  # fmt: skip
EPOCH = {
    "kind": "epoch", "epoch": 12, "step": 5600, "train": {"loss": 0.11, "accuracy": 0.98},
    "test": {"loss": 0.13, "accuracy": 0.9588}, "samples_per_second": 120_459.0,
}  # fmt: skip


def shown(*records: dict[str, Any], width: int = 80, is_terminal: bool = False) -> tuple[str, str]:
    """What is printed, and the figures in the end."""
    console = LiteralConsole(
        file=io.StringIO(), width=width, height=40, force_terminal=is_terminal, color_system=None
    )
    with RunProgress(display_on(console)) as progress:
        for record in records:
            progress(record)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), progress.figures


@pytest.mark.parametrize("width", [60, 80, 140])
def test_the_live_line_stays_one_line(width: int) -> None:
    text, _ = shown(ATTEMPT, STEP, width=width, is_terminal=True)

    assert "epoch 12/15" in text
    assert "step 5,110/7,000" in text
    assert text.count("\x1b[1A") == 1  # the cursor goes up one line, to remove the line


def test_a_run_that_has_ended_shows_no_time_left() -> None:
    stop = {"kind": "end", "attempt": 1, "status": "stopped", "step": 5200}
    text, _ = shown(ATTEMPT, STEP, stop, width=140, is_terminal=True)

    last = text[text.rindex("stopped") :]
    assert "stopped at step 5,200, ending the workers" in last
    assert "left" not in last
    assert "/7,000" not in last


def test_a_pipe_gets_a_sign_of_life_at_once() -> None:
    text, _ = shown(ATTEMPT, STEP)

    assert text.splitlines() == ["starting", "run digits-1: 7,000 steps on 2 workers"]


def test_an_epoch_shows_loss_and_headline_metric_of_each_split() -> None:
    text, _ = shown(ATTEMPT, STEP, EPOCH)

    last = text.splitlines()[-1]
    assert last == (
        "epoch 12/15  train loss 0.1100 accuracy 98.00%  test loss 0.1300 accuracy 95.88%  "
        "120,459 samples/s"
    )


def test_an_epoch_that_is_cut_short_counts() -> None:
    text, _ = shown(ATTEMPT | {"num_epochs": 11.426}, EPOCH)

    assert "epoch 12/12  train" in text


def test_the_result_is_the_metric_of_the_last_evaluation() -> None:
    """Never that of the last training batch, which is easier than the test."""
    before = shown(ATTEMPT, STEP)[1]
    after = shown(ATTEMPT, STEP, EPOCH, STEP | {"step": 5700, "accuracy": 1.0})[1]

    assert before == "train loss 0.1234"
    assert after == "train loss 0.1234  test accuracy 95.88%"


def test_a_regression_shows_its_metric() -> None:
    attempt = ATTEMPT | {"metrics": [MAE, {"name": "rmse"}], "split": "valid"}
    epoch = EPOCH | {"train": {"loss": 6852649811.6}, "valid": {"loss": 0.2, "mae": 70211.4}}
    del epoch["test"]

    text, figures = shown(attempt, STEP, epoch)

    assert "train loss 6,852,649,812  valid loss 0.2000 mae 70,211  " in text
    assert figures == "train loss 6,852,649,812  valid mae 70,211"


def test_the_live_line_shows_the_last_evaluation() -> None:
    text, _ = shown(ATTEMPT, EPOCH, STEP, width=140, is_terminal=True)

    assert "train loss 0.1234  test accuracy 95.88%  120,459 samples/s" in text
