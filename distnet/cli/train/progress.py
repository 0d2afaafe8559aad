"""The live line of a run: epoch, step, loss, score, samples/s, time left."""

import time
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
from rich.table import Column
from rich.text import Text

from distnet.report.text import number, score

PLAIN_EVERY_S = 10.0
WIDE = 110  # characters, from which a bar fits beside the figures


class RunProgress:
    """Shows the records of a run on stderr: a live line on a terminal, plain lines elsewhere.

    Args:
        console: on stderr.
    """

    def __init__(self, console: Console) -> None:
        self._num_epochs, self._console = 0.0, console
        self._is_live = console.is_terminal
        self._told = time.monotonic()
        self._progress = Progress(
            SpinnerColumn(table_column=Column(no_wrap=True, min_width=1)),
            *([BarColumn(bar_width=20)] if console.width >= WIDE else []),
            _Figures(table_column=Column(no_wrap=True)),
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
            self._console.print("starting", highlight=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take the live line away; the lines of the epochs stay."""
        self._progress.stop()

    def __call__(self, record: dict[str, Any]) -> None:
        """Show one record; training goes on when nobody reads any more."""
        try:
            self._show(record)
        except BrokenPipeError:
            self._console.quiet = True

    def _show(self, record: dict[str, Any]) -> None:
        match record["kind"]:
            case "attempt":
                self._begin(record)
            case "note":
                self._console.print(f"note: {record['text']}", highlight=False, soft_wrap=True)
            case "restart":
                self._show_restart(record)
            case "skip":
                self._show_skip(record)
            case "step":
                self._show_step(record)
            case "epoch":
                self._show_epoch(record)

    def _begin(self, record: dict[str, Any]) -> None:
        self._num_epochs = record["num_epochs"]
        self._progress.update(self._task, total=record["num_steps"], completed=record["step"])
        workers = f"{record['workers']} worker{'s' * (record['workers'] > 1)}"
        start = f", going on from step {record['step']:,}" if record["attempt"] > 1 else ""
        said = f"run {record['run']}: {record['num_steps']:,} steps on {workers}{start}"
        self._console.print(said, highlight=False)

    def _show_restart(self, record: dict[str, Any]) -> None:
        said = f"step {record['step'] + 1:,} came {record['seconds']:.1f} s after the one before"
        if record["from"] != record["to"]:
            said += f", with {record['to']} workers after {record['from']}"
        self._console.print(said, highlight=False)

    def _show_skip(self, record: dict[str, Any]) -> None:
        samples = ", ".join(map(str, record["samples"]))
        done = "skipped" if record["mode"] == "skip" else f"went back to {record['from_step']:,}"
        self._console.print(
            f"note: step {record['step']:,}: {record['reason']} (slice {record['slice']}, samples "
            f"{samples}); {done}",
            highlight=False,
            soft_wrap=True,
        )

    def _show_step(self, record: dict[str, Any]) -> None:
        epoch = f"epoch {record['epoch']}/{_whole(self._num_epochs)}"
        figures = describe(record)
        self._progress.update(
            self._task, completed=record["step"], description=epoch, figures=figures
        )
        if not self._is_live and time.monotonic() - self._told > PLAIN_EVERY_S:
            self._told = time.monotonic()
            self._console.print(f"{epoch}  step {record['step']:,}  {figures}", highlight=False)

    def _show_epoch(self, record: dict[str, Any]) -> None:
        self._told = time.monotonic()
        splits = {name: value for name, value in record.items() if isinstance(value, dict)}
        figures = "  ".join(f"{name} {describe(metrics)}" for name, metrics in splits.items())
        epoch = f"epoch {record['epoch']:>2}/{_whole(self._num_epochs)}"
        speed = f"{record['samples_per_second']:,.0f}/s"
        self._console.print(f"{epoch}  {figures}  {speed}", highlight=False, soft_wrap=True)


class _Figures(ProgressColumn):
    """Epoch, step, time left, loss, score and speed."""

    def render(self, task: Task) -> Text:
        left = task.time_remaining
        clock = f"{_clock(left)} left  " if left is not None else ""
        steps = f"step {task.completed:,.0f}/{task.total:,.0f}  " if task.total else ""
        return Text(
            f"{task.description}  {steps}{clock}{task.fields['figures']}"
        )  # a narrow terminal cuts the end


def describe(figures: dict[str, Any]) -> str:
    """Write loss, the score and samples/s of a record in a few words."""
    parts = []
    if "loss" in figures:
        parts.append(f"loss {score(figures['loss'])}")
    if "accuracy" in figures:
        parts.append(f"acc {figures['accuracy']:.2%}")
    parts += [f"{name} {number(figures[name])}" for name in ("mae", "rmse") if name in figures][:1]
    if "samples_per_second" in figures:
        parts.append(f"{figures['samples_per_second']:,.0f}/s")
    return " ".join(parts)


def _whole(epochs: float) -> str:
    return f"{epochs:.3g}" if epochs % 1 else f"{epochs:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
