"""The rows of a CSV file, as Python's reader sees them: where they begin, and broken quotes."""

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import islice, takewhile
from pathlib import Path

from distnet.data.csv.file import has_quotes, reading_cells

SAMPLE_ROWS = 50


def first_rows(text: str, delimiter: str, *, is_whole: bool) -> list[list[str]]:
    """The first rows that are not empty.

    Args:
        text: the beginning of the file.
        delimiter: between the cells.
        is_whole: whether it is all of it; else its last row may be cut.
    """
    rows: list[list[str]] = []
    try:
        found = filter(None, csv.reader(StringIO(text, newline=""), delimiter=delimiter))
        rows.extend(islice(found, SAMPLE_ROWS + 1))
    except csv.Error:  # a cell as long as the sample: a quote that is not closed
        return rows
    is_cut = len(rows) > SAMPLE_ROWS or (len(rows) > 1 and not is_whole)
    return rows[:-1] if is_cut else rows


def num_empty_lines(text: str) -> int:
    """The empty lines before the first row."""
    lines = StringIO(text, newline=None)  # all line ends as \n
    return sum(1 for _ in takewhile("\n".__eq__, lines))


def row_lines(path: Path, delimiter: str) -> Iterator[int]:
    """The line on which each row begins, counted from 1; empty lines are not rows."""
    begins = 1
    with reading_cells(path) as file:
        reader = csv.reader(file, delimiter=delimiter)
        for row in reader:
            if row:
                yield begins
            begins = reader.line_num + 1


def broken_quote(path: Path, delimiter: str) -> int | None:
    """The line of the first row in which a quote that is not closed swallows the rows after it.

    Such a row goes on to the end of the file, or ends in a cell with text after its closing quote.
    """
    if not has_quotes(path):
        return None
    begins = 1
    with reading_cells(path) as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        while True:
            try:
                next(reader)
            except StopIteration:
                return None
            except csv.Error as error:
                if reader.line_num > begins or "end of data" in str(error):
                    return begins
            begins = reader.line_num + 1
