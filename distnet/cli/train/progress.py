"""The progress of a run on stderr: a live line on a terminal, plain lines elsewhere."""

from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.table import Column
from rich.text import Text

from distnet.cli.console import LiteralConsole
from distnet.report.live.display import Display, Lines, Now
from distnet.report.text import clock

WIDE = 110  # characters, from which a bar fits beside the figures


def display_on(console: LiteralConsole) -> Display:
    """The display for a console."""
    return Terminal(console) if console.is_terminal else Lines(lambda line: write(console, line))


def write(console: LiteralConsole, line: str) -> None:
    """Print one line; training continues when nobody reads any more."""
    try:
        console.print(line, soft_wrap=True)
    except BrokenPipeError:
        console.quiet = True


class Terminal:
    """A line that changes, below the lines that stay."""

    def __init__(self, console: LiteralConsole) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(table_column=Column(no_wrap=True, min_width=1)),
            *([BarColumn(bar_width=20)] if console.width >= WIDE else []),
            _Line(table_column=Column(no_wrap=True)),
            console=console,
            refresh_per_second=8,
            transient=True,
        )
        self._task = self._progress.add_task("starting", total=None, figures="", has_ended=False)

    def __enter__(self) -> Self:
        """Begin to draw."""
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the live line; the other lines stay."""
        self._progress.stop()

    def say(self, line: str) -> None:
        """Print a line above the live one."""
        write(self._console, line)

    def show(self, now: Now) -> None:
        """Change the live line."""
        self._progress.update(
            self._task,
            description=now.stage,
            completed=now.step,
            total=now.num_steps,
            figures=now.figures,
            has_ended=now.has_ended,
        )


class _Line(ProgressColumn):
    """Epoch, step, time left, then the figures: a narrow terminal cuts the end."""

    def render(self, task: Task) -> Text:
        if task.fields["has_ended"]:
            return Text(f"{task.description} at step {task.completed:,.0f}, ending the workers")
        left = task.time_remaining
        time = f"{clock(left)} left  " if left is not None else ""
        steps = f"step {task.completed:,.0f}/{task.total:,.0f} in all  " if task.total else ""
        return Text(f"{task.description}  {steps}{time}{task.fields['figures']}")
