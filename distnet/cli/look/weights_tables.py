"""What a run's network said, as tables on the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from distnet.report.text import number

AS_PERCENT = ("accuracy", "probability", "precision", "recall", "f1", "macro_f1")


def show_evaluation(figures: Mapping[str, Any]) -> None:
    """Print the metrics of an evaluation, and those of each class or number."""
    head = f"{figures['run']} at step {figures['step']:,}: {figures['num_samples']:,} samples"
    of = f"of the split {figures['split']} of {figures['dataset']}"
    Console().print(f"{head} {of}", highlight=False, markup=False, soft_wrap=True)
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(justify="right")
    for name, value in figures["metrics"].items():
        table.add_row(name, _text(name, value))
    _print(table)
    rows = figures.get("per_class") or figures.get("per_target") or []
    if len(rows) > 1:
        _print(_table(rows))


def show_predictions(said: Sequence[Mapping[str, Any]]) -> None:
    """Print a line for each prediction."""
    hidden = {"value"} if said and "values" in said[0] else set()
    _print(_table([{k: v for k, v in one.items() if k not in hidden} for one in said]))


def show_exported(exported: Mapping[str, Any]) -> None:
    """Print the files written, and how ONNX was checked."""
    console = Console()
    for file in exported["files"]:
        console.print(file, highlight=False, markup=False, soft_wrap=True)
    if (check := exported["check"]) is not None:
        console.print(
            f"ONNX was compared with the network on {check['num_random']} random and "
            f"{check['num_real']} real inputs: outputs differ by {check['max_difference']:.2g} "
            "at most",
            highlight=False,
            soft_wrap=True,
        )


def _table(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table()
    for name, value in rows[0].items():
        is_number = isinstance(value, int | float)
        table.add_column(name.replace("_", " "), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(_text(name, row[name]) for name in rows[0]))
    return table


def _text(name: str, value: Any) -> str:
    if isinstance(value, list) and value and "probability" in value[0]:
        return ", ".join(f"{escape(e['class'])} {e['probability']:.1%}" for e in value)
    if isinstance(value, dict):
        return ", ".join(f"{escape(str(k))} {_text('', v)}" for k, v in value.items())
    if isinstance(value, float):
        is_part = name in AS_PERCENT or name.startswith("top")
        return f"{value:.2%}" if is_part else number(value)
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _print(table: Table) -> None:
    """Print on the terminal as it is wide; elsewhere let no line be cut."""
    console = Console()
    console.print(table) if console.is_terminal else Console(width=200).print(table)
