"""Runs as tables for a terminal. Names are shown literally, never read as markup."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from distnet.report.commands import commands
from distnet.report.compare import Comparison
from distnet.report.measured import measured_in
from distnet.report.run import Run
from distnet.report.summary import Summary, attempt_rows
from distnet.report.text import (
    NONE,
    cell,
    change,
    duration,
    local_time,
    number,
    progress,
    rate,
    size,
    sparkline,
)
from distnet.run_folder.records.trackers import tracked_links
from distnet.spec.code.collect import digest
from distnet.spec.code.names import shown_name
from distnet.spec.metric import LOSS
from distnet.spec.printable import printable, printable_lines

COLOURS = {
    "finished": "green",
    "running": "cyan",
    "stopped": "yellow",
    "interrupted": "yellow",
    "failed": "red",
}
VERDICT_COLOURS = {"better": "green", "worse": "red", "": ""}
NUM_EPOCHS = 10
UNMEASURED = "nothing was measured: there were no samples to evaluate on"


def literal(text: str, **options: Any) -> Text:
    """Show a name on one line: no markup, and control characters as escapes."""
    return Text(printable(text), **options)


def status_text(run: Summary) -> Text:
    """Write the status of a run, in its colour."""
    return literal(run.status, style=COLOURS[run.status])


@dataclass(frozen=True)
class Column:
    """A column of the table of runs."""

    head: str
    text: Callable[[Summary], str | Text]
    is_number: bool = False
    from_width: int = 0
    """The least width of a terminal, in characters, that shows it."""


COLUMNS = (
    Column("run", lambda run: literal(run.name)),
    Column("status", status_text),
    Column("epochs", lambda run: progress(run.epochs, run.epochs_planned), True),
    Column("steps", lambda run: progress(run.steps, run.steps_planned), True, 140),
    Column("result", lambda run: literal(_result(run))),
    Column("train loss", lambda run: LOSS.text(run.train_loss), True, 100),
    Column("samples/s", lambda run: rate(run.samples_per_second), True, 120),
    Column("workers", lambda run: number(run.workers), True, 120),
    Column("started", lambda run: local_time(run.started), False, 90),
    Column("time", lambda run: duration(run.seconds), False, 140),
    Column("size", lambda run: size(run.size_bytes), True, 140),
)


def runs_table(runs: Sequence[Summary], *, width: int) -> Table:
    """Lay out one run per row; a narrow terminal gets fewer columns."""
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
        Text.assemble(literal(summary.name, style="bold"), "  ", status_text(summary))
    ]
    if summary.error:
        parts.append(Text(printable_lines(summary.error), style="red"))
    parts.append(_facts(run, summary))
    if run.history.epochs:
        parts += ["", _epochs(run)]
    if run.history.attempts:
        parts += ["", _attempts(run, summary)]
    return Group(*parts, "", _commands(run, summary))


def comparison_view(comparison: Comparison) -> Group:
    """Lay out two or more runs side by side."""
    table = _table("", *comparison.labels)
    table.add_row("status", *map(status_text, comparison.runs))
    for key in comparison.metrics:
        table.add_row(literal(key.replace("_", " ", 1)), *_compared(comparison, key))
    rates = [rate(run.samples_per_second) for run in comparison.runs]
    table.add_row("samples/s", *_with_ratios(rates, comparison.speed_ratios))
    table.add_row("workers", *(number(run.workers) for run in comparison.runs))
    table.add_row("time", *(duration(run.seconds) for run in comparison.runs))
    table.add_row("weights", *((run.weights_sha256 or "")[:12] for run in comparison.runs))
    if comparison.job:
        table.add_section()
    for key, values in comparison.job.items():
        table.add_row(literal(key), *(literal(cell(value)) for value in values))
    return Group(table, "", _verdict(comparison))


def _table(*heads: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in heads:
        table.add_column(literal(head), overflow="fold")
    return table


def _facts(run: Run, summary: Summary) -> Table:
    metrics = "  ".join(f"{one.name} {one.text}" for one in summary.measured)
    better = summary.better
    rows = {
        "folder": summary.folder,
        "network": _network(run),
        **_code(run),
        **({"packages": ", ".join(run.packages)} if run.packages else {}),
        "result": UNMEASURED if summary.is_unmeasured else summary.result or NONE,
        **tracked_links(run.folder),
        **({"end": summary.stopped_early} if summary.stopped_early else {}),
        **({"better": f"{better.text}; {better.remedy}"} if better else {}),
        "metrics": metrics or NONE,
        "epochs": progress(summary.epochs, summary.epochs_planned),
        "steps": progress(summary.steps, summary.steps_planned),
        "samples/s": rate(summary.samples_per_second),
        "workers": number(summary.workers),
        "started": local_time(summary.started),
        "training time": duration(summary.seconds),
        "size": size(summary.size_bytes),
        "weights": summary.weights_sha256 or NONE,
        "checkpoints": ", ".join(run.saved) or _unsaved(run),
        **_sparklines(run),
    }
    facts = Table.grid(padding=(0, 2))
    for name, value in rows.items():
        facts.add_row(literal(name, style="dim"), literal(value, overflow="fold"))
    return facts


def _unsaved(run: Run) -> str:
    """What a run without checkpoints here has elsewhere."""
    if run.fetched is None or not run.history.checkpoints:
        return "none"
    newest = run.history.checkpoints[-1].folder
    return f"none here; the newest of the job is {newest}: distnet fetch {run.fetched.job}"


def _result(summary: Summary) -> str:
    """Write the headline metric of the last evaluation: `test accuracy 95.88%`."""
    return f"{summary.headline.name} {summary.headline.text}" if summary.headline else NONE


def _network(run: Run) -> str:
    parameters = run.plan.get("num_parameters")
    name = cell(run.plan.get("network"))
    return name if parameters is None else f"{name}, {number(parameters)} parameters"


def _code(run: Run) -> dict[str, str]:
    """The user's own code: its digest and its files; of earlier attempts, if it was another."""
    if not run.code:
        return {}
    used = {one.code: one.attempt for one in run.history.attempts if one.code}
    now = digest(run.code)
    before = [f"; up to attempt {n} {sha[:12]}" for sha, n in used.items() if sha != now]
    return {"code": f"{now[:12]}: {', '.join(map(shown_name, run.code))}{''.join(before)}"}


def _sparklines(run: Run) -> dict[str, str]:
    lines = [("train", LOSS, [step.loss for step in run.history.steps])]
    if run.headline:
        evaluations = [metrics for _, metrics in run.history.evaluations(run.split)]
        values = [m[run.headline.name] for m in evaluations if run.headline.name in m]
        lines.append((run.split, run.headline, values))
    return {
        f"{split} {metric.name}": f"{sparkline(values)}  "
        f"{metric.text(values[0])} to {metric.text(values[-1])}"
        for split, metric, values in lines
        if len(values) > 1
    }


def _epochs(run: Run) -> Table:
    shown = run.history.epochs[-NUM_EPOCHS:]
    rows = [{(one.split, one.metric): one.value for one in measured_in(run, e)} for e in shown]
    columns = dict.fromkeys(key for row in rows for key in row)
    table = _table("epoch")
    for split, metric in columns:
        table.add_column(literal(f"{split} {metric.name}"), justify="right")
    table.add_column("samples/s", justify="right")
    for epoch, row in zip(shown, rows, strict=True):
        values = [metric.text(row.get((split, metric))) for split, metric in columns]
        table.add_row(number(epoch.epoch), *values, rate(epoch.samples_per_second))
    return table


def _attempts(run: Run, summary: Summary) -> Table:
    table = _table(
        "attempt", "cause", "launch", "workers", "from step", "to step", "started", "time", "end"
    )
    for one in attempt_rows(run, summary):
        table.add_row(
            number(one.attempt),
            one.cause.replace("_", " "),
            literal(one.launch),
            number(one.workers),
            number(one.step),
            number(one.ended_at),
            local_time(one.time),
            duration(one.seconds),
            one.end,
        )
    return table


def _commands(run: Run, summary: Summary) -> Table:
    table = Table.grid(padding=(0, 2))
    for purpose, command in commands(run, summary):
        table.add_row(literal(purpose, style="dim"), literal(command, overflow="fold"))
    return table


def _compared(comparison: Comparison, key: str) -> list[Text]:
    """Write each value of a metric, and how the others differ from the first run's."""
    metric, values = comparison.declared[key], comparison.metrics[key]
    changes = (None, *comparison.differences[key][1:])
    texts = [metric.text(v) + change(metric, c) for v, c in zip(values, changes, strict=True)]
    styles = [VERDICT_COLOURS[verdict] for verdict in comparison.verdicts[key]]
    return [Text(text, style=style) for text, style in zip(texts, styles, strict=True)]


def _with_ratios(rates: list[str], ratios: Sequence[float | None]) -> list[Text]:
    """Write each speed, and its ratio to the first run's."""
    notes = ["", *("" if ratio is None else f" ({ratio:.2f}x)" for ratio in ratios[1:])]
    return [Text(value + note) for value, note in zip(rates, notes, strict=True)]


def _verdict(comparison: Comparison) -> Text:
    match comparison.same_weights:
        case True:
            return literal("the same weights, bit for bit", style="green")
        case False:
            return literal("different weights", style="yellow")
    return literal("weights not compared: not every run has recorded their sha256", style="dim")
