"""The range test of `distnet tune-rate`, with its progress; torch is imported with this module."""

from pathlib import Path

from distnet.cli.console import stderr_console
from distnet.cli.interrupt import says_when_stopped
from distnet.cli.train.progress import display_on
from distnet.launch.tuning.picture import require_form, write_picture
from distnet.launch.tuning.range_test import RangeTest, Span, tune_rate
from distnet.report.live.display import Now
from distnet.report.text import number
from distnet.spec.read import JobFile


def measure(  # noqa: PLR0917
    file: JobFile, low: float, high: float, steps: int, picture: Path | None, *, is_quiet: bool
) -> RangeTest:
    """Train at rising rates, and draw the losses.

    Raises:
        RunError: the picture cannot be written.
        DistnetError: the job has faults, or this machine lacks what it needs.
    """
    span = Span(low, high, steps)
    if picture is not None:
        require_form(picture)

    def watch(step: int, rate: float, loss: float) -> None:
        display.show(Now(f"rate {rate:.2g}", step, span.steps, f"loss {number(loss)}"))

    with (
        says_when_stopped("no rate is suggested, and nothing was written"),
        display_on(stderr_console(is_quiet=is_quiet)) as display,
    ):
        found = tune_rate(file, span, watch)
    if picture is not None and found.rates:
        write_picture(picture, found)
    return found
