"""The first line of a CSV file: the names of its columns, and what it is where it has none."""

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from pathlib import Path

from distnet.data.csv.rows import first_rows
from distnet.errors import DataError

LARGEST_STEP = 10
NAMES_ON_TOP = "put a line with the names of the columns on top, or say --no-header"


def column_names(found: Sequence[str]) -> tuple[str, ...]:
    """The names without spaces around them; a second column without one is called as in pandas."""
    names = [name.strip() for name in found]
    first = names.index("") if "" in names else -1
    return tuple(
        name or ("" if index == first else f"Unnamed: {index}") for index, name in enumerate(names)
    )


def numbered(found: Sequence[str]) -> tuple[str, ...]:
    """The names of the columns of a file without a header: 1, 2, ..."""
    return tuple(str(number) for number in range(1, len(found) + 1))


def check_header(path: Path, text: str, delimiter: str, *, is_whole: bool) -> None:
    """Check that the first line holds names.

    Args:
        path: the file.
        text: its beginning.
        delimiter: between the cells.
        is_whole: whether the text is all of the file.

    Raises:
        DataError: it is a title, a comment, a sample, or a setting of Excel.
    """
    if text[:4].lower() == "sep=":
        raise DataError(
            f"{path}:1: found {text.splitlines()[0]!r}, which only Excel understands, expected "
            "the names of the columns; remove the line"
        )
    header, *rows = first_rows(text, delimiter, is_whole=is_whole) or [[]]
    widths = {len(row) for row in rows}
    if len(rows) > 1 and len(widths) == 1 and widths != {len(header)}:
        line = delimiter.join(header)
        raise DataError(
            f"{path}:1: found {len(header)} {'cell' if len(header) == 1 else 'cells'} in the first "
            f"line, {line[:80]!r}, but {widths.pop()} in each of the next {len(rows)}; the first "
            "line must name every column: remove a title or comment above it, or name all columns"
        )
    if is_sample(header, rows):
        raise DataError(
            f"{path}:1: found numbers, expected names: {', '.join(header[:5])!r} looks like a "
            f"sample; {NAMES_ON_TOP}"
        )


def is_sample(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    """Whether the header has a number in every column of numbers, and these do not count up.

    Numbers that count up in small steps are names: of years, or of columns that had none.
    """
    numbers = [_number(name) for name in header]
    if header and None not in numbers:
        return True
    in_numbers = [
        number
        for number, *cells in zip(numbers, *rows, strict=False)
        if cells and all(_number(cell) is not None for cell in cells)
    ]
    known = [number for number in in_numbers if number is not None]
    steps = {high - low for low, high in pairwise(known)}
    counts_up = all(map(float.is_integer, known)) and len(steps) <= 1
    counts_up &= all(0 < step <= LARGEST_STEP for step in steps)
    return len(known) > 0 and len(known) == len(in_numbers) and not counts_up


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if isfinite(number) else None
