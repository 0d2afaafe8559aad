"""A table, as rows of text."""

from collections.abc import Iterator
from itertools import repeat

from distnet.report.parts import Arrays, Listing, Part
from distnet.report.text import NONE, number
from distnet.run_folder.figures import Cell, Table
from distnet.spec.metric import Format, Metric

PLAIN: Format = "number"
LONG = 60
"""A cell of more letters is text in lines."""


def draw(figure: Table, _: Arrays) -> Iterator[Part]:
    """List the rows, with the numbers in the formats of their columns."""
    formats = figure.formats or repeat(PLAIN)
    rows = tuple(tuple(map(_text, row, formats)) for row in figure.rows)
    columns = range(len(figure.columns))
    is_text = {i for i in columns if any(isinstance(row[i], str) for row in figure.rows)}
    is_prose = any(len(cell) > LONG for row in rows for cell in row)
    yield Listing(figure.title, figure.columns, rows, frozenset(columns) - is_text, is_prose)


def _text(cell: Cell, form: Format) -> str:
    if cell is None or isinstance(cell, str):
        return NONE if cell is None else cell
    return Metric("", "percent").text(cell) if form == "percent" else number(cell)
