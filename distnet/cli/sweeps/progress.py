"""The progress of a sweep: which trial trains, and what came of each."""

from collections.abc import Iterator
from contextlib import contextmanager

from distnet.cli.console import LiteralConsole
from distnet.cli.train.progress import display_on
from distnet.report.live.progress import RunProgress
from distnet.report.text import duration
from distnet.run_folder.paths import shown
from distnet.spec.printable import argument
from distnet.sweeps.ranking import row_of
from distnet.sweeps.record import SweepFolder, Trial


class SweepProgress:
    """Shows the trials of a sweep on stderr.

    Args:
        console: on stderr.
    """

    def __init__(self, console: LiteralConsole) -> None:
        self._console = console
        self._sweep: SweepFolder | None = None

    @contextmanager
    def __call__(self, sweep: SweepFolder, trial: Trial, part: float) -> Iterator[RunProgress]:
        """Show one trial: its records while it trains, then its result."""
        self._sweep = sweep
        number = f"trial {sweep.trials.index(trial) + 1} of {len(sweep.trials)}"
        until = f", to 1/{round(1 / part)} of its epochs" if part < 1 else ""
        self._print(f"{number}: {trial.text}{until}")
        with RunProgress(display_on(self._console)) as progress:
            yield progress
        row = row_of(sweep, trial)
        state = "paused" if part < 1 and row.state == "stopped" else row.state
        facts = [duration(row.seconds), progress.figures] if row.seconds else []
        self._print("  ".join([f"{number} {state}", *facts, *filter(None, [row.error])]))

    def say_how_to_resume(self) -> None:
        """Name the command that goes on with what is missing, once a trial has begun."""
        if self._sweep is not None:
            folder = argument(shown(self._sweep.path.resolve()))
            self._print(f"resume the sweep with: distnet run --resume {folder}")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)
