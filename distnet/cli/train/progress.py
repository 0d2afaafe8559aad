"""The progress of a run: a live line on a terminal, plain lines elsewhere."""

import time
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.table import Column
from rich.text import Text

from distnet.cli.console import LiteralConsole
from distnet.cli.train.figures import Figures
from distnet.report.text import whole_epochs
from distnet.spec.plural import counted

PLAIN_EVERY_S = 10.0
WIDE = 110  # characters, from which a bar fits beside the figures


class RunProgress:
    """Shows the records of a run on stderr.

    Args:
        console: on stderr.
    """

    def __init__(self, console: LiteralConsole) -> None:
        self._num_epochs, self._console = 0, console
        self._figures = Figures()
        self._is_live = console.is_terminal
        self._shown_at = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(table_column=Column(no_wrap=True, min_width=1)),
            *([BarColumn(bar_width=20)] if console.width >= WIDE else []),
            _Line(table_column=Column(no_wrap=True)),
            console=console,
            refresh_per_second=8,
            transient=True,
            disable=not self._is_live,
        )
        self._task = self._progress.add_task("starting", total=None, figures="")

    def __enter__(self) -> "RunProgress":
        """Begin to draw."""
        self._progress.start()
        if not self._is_live:
            self._print("starting")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the live line; the lines of the epochs stay."""
        self._progress.stop()

    @property
    def figures(self) -> str:
        """The training loss, and the headline metric of the last evaluation."""
        return self._figures.latest()

    def __call__(self, record: dict[str, Any]) -> None:
        """Show one record; training continues when nobody reads any more."""
        try:
            self._show(record)
        except BrokenPipeError:
            self._console.quiet = True

    def _show(self, record: dict[str, Any]) -> None:
        self._figures.update(record)
        match record["kind"]:
            case "attempt":
                self._show_attempt(record)
            case "stage":
                self._progress.update(self._task, description=record["text"])
                self._print(record["text"])
            case "note":
                self._print(f"note: {record['text']}")
            case "restart":
                self._show_restart(record)
            case "skip":
                self._show_skip(record)
            case "step":
                self._show_step(record)
            case "epoch":
                self._show_epoch(record)
            case "final":
                self._print(f"at the end  {self._figures.final(record)}")

    def _show_attempt(self, record: dict[str, Any]) -> None:
        self._num_epochs = whole_epochs(record["num_epochs"])
        self._progress.update(self._task, total=record["num_steps"], completed=record["step"])
        workers = counted(record["workers"], "worker")
        start = f", resumed at step {record['step']:,}" if record["attempt"] > 1 else ""
        self._print(
            f"run {record['run']}: {counted(record['num_steps'], 'step')} on {workers}{start}"
        )
        if record.get("packages"):
            took = record["packages_seconds"]
            installed = f", installed in {took:.1f} s" if took else ""
            self._print(f"packages: {', '.join(record['packages'])}{installed}")

    def _show_restart(self, record: dict[str, Any]) -> None:
        change = f", on {record['to']} workers instead of {record['from']}"
        self._print(
            f"restarted: step {record['step'] + 1:,} came {record['seconds']:.1f} s after the last "
            f"one{change if record['from'] != record['to'] else ''}"
        )

    def _show_skip(self, record: dict[str, Any]) -> None:
        samples = ", ".join(map(str, record["samples"]))
        is_skipped = record["mode"] == "skip"
        action = "skipped" if is_skipped else f"went back to step {record['from_step']:,}"
        self._print(
            f"note: step {record['step']:,}: {record['reason']} (slice {record['slice']}, samples "
            f"{samples}); {action}"
        )

    def _show_step(self, record: dict[str, Any]) -> None:
        epoch = f"epoch {record['epoch']}/{self._num_epochs}"
        figures = f"{self._figures.latest()}  {record['samples_per_second']:,.0f}/s"
        self._progress.update(
            self._task, completed=record["step"], description=epoch, figures=figures
        )
        if not self._is_live and time.monotonic() - self._shown_at > PLAIN_EVERY_S:
            self._shown_at = time.monotonic()
            self._print(f"{epoch}  step {record['step']:,}  {figures}")

    def _show_epoch(self, record: dict[str, Any]) -> None:
        self._shown_at = time.monotonic()
        epoch = f"epoch {record['epoch']:>2}/{self._num_epochs}"
        speed = f"{record['samples_per_second']:,.0f}/s"
        self._print(f"{epoch}  {self._figures.epoch(record)}  {speed}")

    def _print(self, line: str) -> None:
        self._console.print(line, soft_wrap=True)


class _Line(ProgressColumn):
    """Epoch, step, time left, then the figures: a narrow terminal cuts the end."""

    def render(self, task: Task) -> Text:
        left = task.time_remaining
        clock = f"{_clock(left)} left  " if left is not None else ""
        steps = f"step {task.completed:,.0f}/{task.total:,.0f}  " if task.total else ""
        return Text(f"{task.description}  {steps}{clock}{task.fields['figures']}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
