"""Evaluations, predictions and exported files as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from distnet.cli.console import stdout_console
from distnet.report.text import number
from distnet.spec.metric import LOSS, Metric
from distnet.spec.printable import printable

MOST_ROWS = 50  # of a figure; --json has all


def show_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Print the metrics of an evaluation, and its figures that are tables.

    Args:
        evaluation: the content of evaluation.json, with `run` and `dataset`.
    """
    samples = f"{evaluation['num_samples']:,} samples"
    split = f"of the split {evaluation['split']} of {evaluation['dataset']}"
    head = f"{evaluation['run']} at step {evaluation['step']:,}: {samples} {split}"
    stdout_console().print(head, soft_wrap=True)
    stdout_console().print(_metrics(evaluation))
    for figure in evaluation.get("figures", ()):
        if figure["kind"] == "table" and len(figure["rows"]) > 1:
            stdout_console().print(_figure(figure))


def show_predictions(predictions: Sequence[Mapping[str, Any]]) -> None:
    """Print one prediction a row."""
    hidden = {"value"} if predictions and "values" in predictions[0] else set()
    stdout_console().print(
        _table([{k: v for k, v in one.items() if k not in hidden} for one in predictions])
    )


def show_exported(exported: Mapping[str, Any]) -> None:
    """Print the files written, and how the ONNX file compares with the network."""
    console = stdout_console()
    for file in exported["files"]:
        console.print(file, soft_wrap=True)
    if (check := exported["check"]) is not None:
        console.print(
            f"compared ONNX with the network on {check['num_random']} random and "
            f"{check['num_real']} real inputs: the outputs differ by at most "
            f"{check['max_difference']:.2g}",
            soft_wrap=True,
        )


def _metrics(evaluation: Mapping[str, Any]) -> Table:
    declared = map(Metric.from_dict, evaluation.get("declared", ()))
    metrics = {metric.name: metric for metric in (LOSS, *declared)}
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in evaluation["metrics"].items():
        table.add_row(printable(name), metrics.get(name, Metric(name)).text(value))
    return table


def _figure(figure: Mapping[str, Any]) -> Table:
    columns, rows = figure["columns"], figure["rows"]
    formats = figure.get("formats") or ["number"] * len(columns)
    table = Table(title=printable(figure["title"]), title_justify="left")
    for index, name in enumerate(columns):
        is_number = isinstance(rows[0][index], int | float)
        table.add_column(printable(name), justify="right" if is_number else "left")
    for row in rows[:MOST_ROWS]:
        table.add_row(*map(_cell, row, formats))
    if len(rows) > MOST_ROWS:
        table.add_row(Text(f"and {len(rows) - MOST_ROWS:,} more: --json", style="dim"))
    return table


def _cell(value: Any, form: str) -> str:
    if isinstance(value, float) and form == "percent":
        return f"{value:.2%}"
    return number(value) if isinstance(value, int | float | None) else printable(value)


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float)
        table.add_column(
            printable(name.replace("_", " ")), justify="right" if is_number else "left"
        )
    for row in rows:
        table.add_row(*(_text(name, row[name]) for name in rows[0]))
    return table


def _text(name: str, value: Any) -> str:
    if isinstance(value, list) and value and "probability" in value[0]:
        return ", ".join(f"{printable(e['class'])} {e['probability']:.1%}" for e in value)
    if isinstance(value, dict):
        return ", ".join(f"{printable(k)} {_text('', v)}" for k, v in value.items())
    if isinstance(value, float):
        return f"{value:.2%}" if name == "probability" else number(value)
    return f"{value:,}" if isinstance(value, int) else printable(value)
