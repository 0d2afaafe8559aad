"""Evaluations, predictions and exported files as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from distnet.cli.console import stdout_console
from distnet.report.text import number
from distnet.spec.metric import LOSS, Metric
from distnet.spec.plural import counted
from distnet.spec.printable import printable

DIGITS, LARGE = 7, 1e7
MOST_ROWS = 50  # of a figure; --json has all


def show_evaluation(evaluation: Mapping[str, Any]) -> None:
    """Print the metrics of an evaluation, and its figures that are tables.

    Args:
        evaluation: the content of evaluation.json, with `run` and `dataset`.
    """
    samples, dataset = counted(evaluation["num_samples"], "sample"), evaluation["dataset"]
    origin = f"of the split {evaluation['split']} of {dataset}" if dataset else "made by the task"
    head = f"{evaluation['run']} at step {evaluation['step']:,}: {samples} {origin}"
    stdout_console().print(head, soft_wrap=True)
    stdout_console().print(_metrics(evaluation))
    for figure in evaluation.get("figures", ()):
        if figure["kind"] == "table" and len(figure["rows"]) > 1:
            stdout_console().print(_figure(figure))


def show_predictions(predictions: Sequence[Mapping[str, Any]]) -> None:
    """Print one prediction a row; where an image has boxes, one box a row."""
    hidden = {"value"} if any("values" in one for one in predictions) else set()
    rows = [row for one in predictions for row in _rows(one)]
    stdout_console().print(_table([{k: v for k, v in r.items() if k not in hidden} for r in rows]))


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


def _rows(prediction: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row, or one for each box; an image without any has a row, too."""
    rest = {k: v for k, v in prediction.items() if k != "boxes"}
    nothing = {"class": "nothing found"} if "boxes" in prediction else {}
    return [rest | box for box in prediction.get("boxes", ())] or [rest | nothing]


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
    table, names = Table(), dict.fromkeys(name for row in rows for name in row)
    for name in names:
        is_number = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(
            printable(name.replace("_", " ")),
            justify="right" if is_number else "left",
            overflow="fold",  # of a path, each character may be needed
        )
    for row in rows:
        table.add_row(*(_text(name, row.get(name)) for name in names))
    return table


def _text(name: str, value: Any) -> str:
    match value:
        case {"class": str() as label, "probability": float() as probability}:
            return f"{printable(label)} {probability:.1%}"
        case list():
            return ", ".join(_text("", each) for each in value)
        case dict():
            parts = _percents(value) if name == "shares" else value
            return ", ".join(f"{printable(k)} {_text(str(k), v)}" for k, v in parts.items())
        case bool() | None:
            return {True: "yes", False: "no", None: ""}[value]
        case int() | float():
            return _number(name, value)
    return printable(value)


def _percents(parts: Mapping[str, float]) -> dict[str, str]:
    return {name: f"{part:.1%}" for name, part in parts.items()}


def _number(name: str, value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if name == "probability":
        return f"{value:.2%}"
    # As many digits as float32 holds: those of a price or a coordinate may be what matters.
    return number(value) if abs(value) >= LARGE else f"{value:,.{DIGITS}g}"
