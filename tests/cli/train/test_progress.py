"""The live line of a run, on terminals of several widths and elsewhere."""

import io

import pytest
from rich.console import Console

from distnet.cli.train.progress import RunProgress, describe

ATTEMPT = {
    "kind": "attempt", "run": "digits-1", "attempt": 1, "workers": 2, "step": 0,
    "num_steps": 7000, "num_epochs": 15.0,
}  # fmt: skip
STEP = {
    "kind": "step", "step": 5110, "epoch": 12, "loss": 0.1234, "accuracy": 0.9862,
    "samples_per_second": 120_459.0,
}  # fmt: skip


def shown(width: int, *, is_terminal: bool) -> str:
    console = Console(
        file=io.StringIO(), width=width, height=40, force_terminal=is_terminal, color_system=None
    )
    with RunProgress(console) as progress:
        progress(ATTEMPT)
        progress(STEP)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("width", [60, 80, 140])
def test_live_line_stays_one_line(width: int) -> None:
    text = shown(width, is_terminal=True)

    assert "epoch 12/15" in text
    assert "step 5,110/7,000" in text
    assert text.count("\x1b[1A") == 1  # the cursor goes up one line, to take the line away


def test_other_than_a_terminal_gets_a_sign_of_life_at_once() -> None:
    lines = shown(80, is_terminal=False).splitlines()

    assert lines == ["starting", "run digits-1: 7,000 steps on 2 workers"]


def test_large_numbers_are_written_out() -> None:
    assert describe({"loss": 6852649811.6, "mae": 70211.4}) == "loss 6,852,649,812 mae 70,211"
    assert describe({"loss": 0.12345, "mae": 0.5}) == "loss 0.1235 mae 0.5"
