"""Runs as tables for a terminal. Names are shown as they are, never read as markup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from distnet.report.commands import commands
from distnet.report.compare import Comparison
from distnet.report.run import Run
from distnet.report.summary import Summary, attempt_rows
from distnet.report.text import (
    NONE,
    cell,
    duration,
    moment,
    number,
    progress,
    rate,
    score,
    size,
    sparkline,
)
from distnet.run_folder.record_kinds import Epoch

COLOURS = {
    "finished": "green",
    "running": "cyan",
    "stopped": "yellow",
    "interrupted": "yellow",
    "failed": "red",
}
NUM_EPOCHS = 10


def status_text(run: Summary) -> Text:
    """Write how a run stands, in its colour."""
    return Text(run.status, style=COLOURS[run.status])


@dataclass(frozen=True)
class Column:
    """A column of the table of runs."""

    head: str
    text: Callable[[Summary], str | Text]
    is_number: bool = False
    from_width: int = 0
    """It is left out of terminals with fewer characters than this."""


COLUMNS = (
    Column("run", lambda run: Text(run.name)),
    Column("status", status_text),
    Column("epochs", lambda run: progress(run.epochs, run.epochs_planned), True),
    Column("steps", lambda run: progress(run.steps, run.steps_planned), True, 110),
    Column("score", lambda run: score(run.score), True),
    Column("samples/s", lambda run: rate(run.samples_per_second), True, 90),
    Column("workers", lambda run: number(run.workers), True, 90),
    Column("started", lambda run: moment(run.started), False, 75),
    Column("took", lambda run: duration(run.seconds), False, 110),
    Column("size", lambda run: size(run.size_bytes), True, 110),
)


def runs_table(runs: Sequence[Summary], *, width: int) -> Table:
    """Lay out one run a row; a terminal of few characters gets fewer columns."""
    columns = [column for column in COLUMNS if width >= column.from_width]
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        is_name = column.head == "run"
        table.add_column(
            column.head,
            justify="right" if column.is_number else "left",
            overflow="fold",
            no_wrap=not is_name,
        )
    for run in runs:
        table.add_row(*(column.text(run) for column in columns))
    return table


def run_view(run: Run, summary: Summary) -> Group:
    """Lay out all of one run."""
    parts: list[RenderableType] = [
        Text.assemble((summary.name, "bold"), "  ", status_text(summary))
    ]
    if summary.error:
        parts.append(Text(summary.error, style="red"))
    parts.append(_facts(run, summary))
    if run.history.epochs:
        parts += ["", _epochs(run.history.epochs)]
    if run.history.attempts:
        parts += ["", _attempts(run, summary)]
    return Group(*parts, "", _commands(run, summary))


def comparison_view(comparison: Comparison) -> Group:
    """Lay out two or more runs side by side."""
    table = _table("", *comparison.labels)
    table.add_row("status", *map(status_text, comparison.runs))
    for name, values in comparison.metrics.items():
        written = [score(value) for value in values]
        table.add_row(Text(name), *_changed(written, comparison.differences[name], "{:+.4g}"))
    rates = [rate(run.samples_per_second) for run in comparison.runs]
    table.add_row("samples/s", *_changed(rates, comparison.speed_ratios, "{:.2f}x"))
    table.add_row("workers", *(number(run.workers) for run in comparison.runs))
    table.add_row("took", *(duration(run.seconds) for run in comparison.runs))
    table.add_row("weights", *((run.weights_sha256 or "")[:12] for run in comparison.runs))
    if comparison.job:
        table.add_section()
    for key, values in comparison.job.items():
        table.add_row(Text(key), *(Text(cell(value)) for value in values))
    return Group(table, "", _verdict(comparison))


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(Text(head), overflow="fold")
    return table


def _facts(run: Run, summary: Summary) -> Table:
    metrics = "  ".join(f"{name} {score(value)}" for name, value in summary.metrics.items())
    rows = {
        "folder": summary.folder,
        "network": _network(run),
        "metrics": metrics or NONE,
        "epochs": progress(summary.epochs, summary.epochs_planned),
        "steps": progress(summary.steps, summary.steps_planned),
        "samples/s": rate(summary.samples_per_second),
        "workers": number(summary.workers),
        "started": moment(summary.started),
        "took": duration(summary.seconds),
        "size": size(summary.size_bytes),
        "weights": summary.weights_sha256 or NONE,
        "checkpoints": ", ".join(run.saved) or "none",
        **_sparklines(run),
    }
    facts = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        facts.add_row(Text(name, style="dim"), Text(value, overflow="fold"))
    return facts


def _network(run: Run) -> str:
    parameters = run.plan.get("num_parameters")
    name = cell(run.plan.get("network"))
    return name if parameters is None else f"{name}, {number(parameters)} parameters"


def _sparklines(run: Run) -> dict[str, str]:
    steps, name = run.history.steps, run.score_name
    lines = {"loss": [step.loss for step in steps]}
    if name:
        lines[name] = [step.scores[name] for step in steps if name in step.scores]
    return {
        name: f"{sparkline(values)}  {score(values[0])} to {score(values[-1])}"
        for name, values in lines.items()
        if values
    }


def _epochs(epochs: Sequence[Epoch]) -> Table:
    shown = epochs[-NUM_EPOCHS:]
    names = dict.fromkeys(name for epoch in shown for name in _epoch_metrics(epoch))
    table = _table("epoch")
    for head in (*names, "samples/s"):
        table.add_column(Text(head), justify="right")
    for epoch in shown:
        metrics = _epoch_metrics(epoch)
        values = [score(metrics.get(name)) for name in names]
        table.add_row(number(epoch.epoch), *values, rate(epoch.samples_per_second))
    return table


def _epoch_metrics(epoch: Epoch) -> dict[str, float]:
    return {
        f"{split} {name}": value
        for split, metrics in {"train": epoch.train, **epoch.evaluated}.items()
        for name, value in metrics.items()
    }


def _attempts(run: Run, summary: Summary) -> Table:
    table = _table(
        "attempt", "why", "launch", "workers", "from step", "to step", "began", "took", "ended"
    )
    for one in attempt_rows(run, summary):
        table.add_row(
            number(one.attempt),
            one.cause.replace("_", " "),
            Text(one.launch),
            number(one.workers),
            number(one.step),
            number(one.ended_at),
            moment(one.time),
            duration(one.seconds),
            one.end,
        )
    return table


def _commands(run: Run, summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    for purpose, command in commands(run, summary):
        table.add_row(Text(purpose, style="dim"), Text(command, overflow="fold"))
    return table


def _changed(values: list[str], changes: Sequence[float | None], form: str) -> list[Text]:
    """Write each value, and how it stands to the first run's."""
    notes = ["", *("" if one is None else f" ({form.format(one)})" for one in changes[1:])]
    return [Text(value + note) for value, note in zip(values, notes, strict=True)]


def _verdict(comparison: Comparison) -> Text:
    match comparison.same_weights:
        case True:
            return Text("the same weights, bit for bit", style="green")
        case False:
            return Text("different weights", style="yellow")
    return Text("not all of them have left their weights' sha256: not compared", style="dim")
