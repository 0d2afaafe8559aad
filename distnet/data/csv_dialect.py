"""How a CSV file is written: its delimiter, and on which line each row begins. Quotes count."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TextIO

from distnet.errors import DataError

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Those that are recognised, the likeliest first, and their names."""
SAMPLE_ROWS = 50
SAMPLE_BYTES = 2**18
LONGEST_CELL = 2**31 - 1  # of Python's reader; its default is 128 KiB


@dataclass(frozen=True)
class Dialect:
    """How the cells of a row are separated."""

    delimiter: str
    why: str = ""
    """How it was recognised; empty where it was set."""

    @property
    def name(self) -> str:
        """The delimiter in a word."""
        return DELIMITERS.get(self.delimiter, repr(self.delimiter))


def parse_delimiter(text: str) -> str:
    """The delimiter that a user has typed: one character, or `tab`.

    Raises:
        DataError: it is something else.
    """
    character = "\t" if text.lower() in ("tab", "\\t") else text
    if len(character) != 1 or not character.isascii() or character in '"\r\n':
        raise DataError(f"--delimiter: found {text!r}, expected one character, or tab")
    return character


def recognise(text: str, *, is_whole: bool) -> Dialect:
    """Find the delimiter that cuts the first rows into the same number of cells, and most of them.

    Args:
        text: the beginning of the file.
        is_whole: whether it is all of it; else its last row may be cut.
    """
    best, fits = ",", (0.0, 1, 0)
    for delimiter in DELIMITERS:
        widths = [len(row) for row in _rows(text, delimiter, is_whole=is_whole)]
        width = widths[0] if widths else 1
        same = widths.count(width)
        found = (same / len(widths) if width > 1 else 0.0, width, same)
        if found[:2] > fits[:2]:
            best, fits = delimiter, found
    _, width, same = fits
    return Dialect(best, f"the first {same} rows have {width} columns each" if same else "default")


def row_lines(path: Path, delimiter: str) -> Iterator[int]:
    """The line on which each row begins, counted from 1; empty lines are not rows."""
    begins = 1
    with _reading_cells(path) as file:
        reader = csv.reader(file, delimiter=delimiter)
        for row in reader:
            if row:
                yield begins
            begins = reader.line_num + 1


def broken_quote(path: Path, delimiter: str) -> int | None:
    """The line of the first row in which a quote that is not closed swallows the rows after it.

    Such a row goes on to the end of the file, or ends in a cell with text after its closing quote.
    """
    if not _has_quotes(path):
        return None
    begins = 1
    with _reading_cells(path) as file:
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


def undecodable_line(path: Path) -> int | None:
    """The first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def _has_quotes(path: Path) -> bool:
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(partial(file.read, 2**20), b""))


def _rows(text: str, delimiter: str, *, is_whole: bool) -> list[list[str]]:
    """The first rows that are not empty."""
    rows: list[list[str]] = []
    try:
        found = filter(None, csv.reader(StringIO(text, newline=""), delimiter=delimiter))
        rows.extend(islice(found, SAMPLE_ROWS + 1))
    except csv.Error:  # a cell as long as the sample: a quote that is not closed
        return rows
    is_cut = len(rows) > SAMPLE_ROWS or (len(rows) > 1 and not is_whole)
    return rows[:-1] if is_cut else rows


@contextmanager
def _reading_cells(path: Path) -> Iterator[TextIO]:
    """Open a file for Python's reader, with cells of any length."""
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            yield file
    finally:
        csv.field_size_limit(limit)
