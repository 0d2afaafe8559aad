"""Plain tables, without rich: importing it takes longer than a request to a server."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from distnet.spec.printable import printable

GAP = "  "
LAST_FIRST, LAST_LEAST = 28, 12  # characters the last column is cut to: before, after the others
KEPT_END = 5  # characters of a name, which ends with a number
COLOURS = {
    "waiting": "blue",
    "held": "magenta",
    "starting": "cyan",
    "running": "cyan",
    "stopping": "yellow",
    "unknown": "red",
    "finished": "green",
    "stopped": "yellow",
    "stopped early": "yellow",
    "failed": "red",
    "cancelled": "yellow",
}


@dataclass(frozen=True)
class Column:
    """A column: its head, and how its cells are written."""

    head: str
    is_number: bool = False
    """Align it on the right."""
    is_state: bool = False
    """Colour its cells as states."""
    least: int | None = None
    """It may be cut to this many characters, before the end, if the table is too wide."""


def terminal_width() -> int | None:
    """Characters in a line; None for a pipe, where nothing is cut."""
    if not sys.stdout.isatty() and "COLUMNS" not in os.environ:
        return None
    return shutil.get_terminal_size().columns


def lay_out(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None
) -> list[str]:
    """Write a table as lines of at most `width` characters; the last column is cut first."""
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, texts)) for texts in zip(_heads(columns), *rows, strict=True)]
    if width is not None:
        _shrink(columns, widths, width)
    head = typer.style(_line(columns, widths, _heads(columns)), dim=True)
    return [head, *(_line(columns, widths, row, is_coloured=True) for row in rows)]


def print_table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table on stdout."""
    print_lines(lay_out(columns, rows, width=terminal_width()))


def print_lines(lines: Sequence[str]) -> None:
    """Print the lines of `lay_out` on stdout."""
    for line in lines:
        typer.echo(line)


def _shrink(columns: Sequence[Column], widths: list[int], width: int) -> None:
    last = len(widths) - 1
    cuts = [(column.least, i) for i, column in enumerate(columns) if column.least is not None]
    for least, index in ((LAST_FIRST, last), *sorted(cuts), (LAST_LEAST, last)):
        over = sum(widths) + len(GAP) * last - width
        widths[index] -= min(max(0, over), max(0, widths[index] - least))


def _heads(columns: Sequence[Column]) -> list[str]:
    return [column.head for column in columns]


def _line(
    columns: Sequence[Column],
    widths: Sequence[int],
    cells: Sequence[str],
    *,
    is_coloured: bool = False,
) -> str:
    written = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        cut = _cut(cell, width, end=0 if column.least is None else KEPT_END)
        text = cut.rjust(width) if column.is_number else cut.ljust(width)
        colour = COLOURS.get(cell) if is_coloured and column.is_state else None
        written.append(typer.style(text, fg=colour) if colour else text)
    return GAP.join(written).rstrip()


def _cut(text: str, width: int, *, end: int) -> str:
    if len(text) <= width:
        return text
    return f"{text[: width - 1 - end]}…{text[len(text) - end :]}"
