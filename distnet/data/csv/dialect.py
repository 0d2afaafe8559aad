"""How the cells of a CSV file are written: their delimiter, and the marks in numbers."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from distnet.data.csv.rows import first_rows
from distnet.errors import DataError
from distnet.spec.plural import counted

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
"""Those that are recognised, the likeliest first, and their names."""
DECIMALS = {".": "point", ",": "comma"}
THOUSANDS = {".": ".", ",": ",", "'": "'\u2019", " ": " \u00a0\u202f", "_": "_"}
"""Marks of thousands as they are typed, and the characters of files that each stands for."""
WITH_COMMA = r"^\s*[+-]?([0-9]+,[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?\s*$"
WITH_POINT = r"^\s*[+-]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*$"
_THOUSANDS = re.compile(r"\s*[+-]?[1-9][0-9]{0,2},[0-9]{3}\s*")
_MARKED = re.compile(r"\s*[+-]?[0-9]{1,3}([^0-9])[0-9]{3}(\1[0-9]{3})*([.,][0-9]*)?\s*")
_OTHER_NUMBER = re.compile(
    r"\s*([+-]?[0-9]+([eE][+-]?[0-9]+)?|[+-]?[0-9]{1,3}(\.[0-9]{3})+,[0-9]+"
    r"|nan|n/?a|null|none|-)?\s*",
    re.I,
)
"""Whole, with marks of thousands beside a decimal comma, or missing."""


@dataclass(frozen=True)
class Dialect:
    """How the cells of a row are separated, and how their numbers are written."""

    delimiter: str
    decimal: str = "."
    why: str = ""
    """How the delimiter was recognised; empty where it was set."""
    why_decimal: str = ""
    """How a comma was recognised as the decimal mark; empty otherwise."""
    thousands: str = ""
    """The mark between groups of three digits, where it was set."""

    @property
    def grouped(self) -> str:
        """A pattern of the numbers that have marks of thousands."""
        return rf"^\s*[+-]?[0-9]{{1,3}}({self.marks}[0-9]{{3}})+([{self.decimal}][0-9]*)?\s*$"

    @property
    def marks(self) -> str:
        """A pattern of the characters that mark thousands."""
        return _marks(self.thousands)

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


def parse_decimal(text: str) -> str:
    """The decimal mark that a user has typed.

    Raises:
        DataError: it is neither a point nor a comma.
    """
    marks = DECIMALS | {name: mark for mark, name in DECIMALS.items()}
    if text.lower() not in marks:
        raise DataError(f"--decimal: found {text!r}, expected . or ,")
    return text if text in DECIMALS else marks[text.lower()]


def check_thousands(mark: str, decimal: str | None) -> None:
    """Check a mark of thousands that a user has typed.

    Raises:
        DataError: it is none of the usual ones, or the decimal mark as well.
    """
    if mark not in THOUSANDS:
        raise DataError(f"--thousands: found {mark!r}, expected . or , or ' or a space")
    if mark == decimal:
        raise DataError(f"--thousands: found {mark!r}, which is the decimal mark as well")


def thousands_of(cell: str) -> str:
    """The mark of thousands that a cell may have, as it is typed; empty if there is none."""
    match = _MARKED.fullmatch(cell)
    found = (mark for mark, characters in THOUSANDS.items() if match and match[1] in characters)
    return next(found, "")


def make_dialect(
    text: str, *, is_whole: bool, delimiter: str | None, decimal: str | None, thousands: str = ""
) -> Dialect:
    """Recognise what is not set.

    Args:
        text: the beginning of the file.
        is_whole: whether it is all of it; else its last row may be cut.
        delimiter: between the cells.
        decimal: the decimal mark; a comma is not recognised where it is the
            delimiter as well.
        thousands: the mark of thousands; where it is a point or a comma, the decimal mark is
            the other one of these.
    """
    why = why_decimal = ""
    if decimal is None and thousands in DECIMALS:
        [decimal] = DECIMALS.keys() - {thousands}
    if delimiter is None:
        delimiter, why = _delimiter(text, is_whole=is_whole)
    if decimal is None and delimiter != ",":
        text = re.sub(f"(?<=[0-9]){_marks(thousands)}(?=[0-9])", "", text) if thousands else text
        rows = first_rows(text, delimiter, is_whole=is_whole)[1:]
        decimal, why_decimal = _decimal(rows)
    return Dialect(delimiter, decimal or ".", why, why_decimal, thousands)


def _marks(thousands: str) -> str:
    return f"[{THOUSANDS[thousands]}]"


def _delimiter(text: str, *, is_whole: bool) -> tuple[str, str]:
    """The delimiter that cuts most of the first rows into the same number of cells, and most.

    One that cuts the header into as many is preferred: text of other rows may hold any character.
    """
    best, fits = ",", (False, 0.0, 1)
    for delimiter in DELIMITERS:
        widths = [len(row) for row in first_rows(text, delimiter, is_whole=is_whole)]
        width, same = Counter(widths).most_common(1)[0] if widths else (1, 0)
        if width > 1:
            found = (widths[0] == width, same / len(widths), width)
            if found > fits:
                best, fits = delimiter, found
    _, share, width = fits
    return best, f"the first rows have {counted(width, 'column')} each" if share else "default"


def _decimal(rows: Sequence[Sequence[str]]) -> tuple[str, str]:
    """The decimal mark: a comma where that is the only way to read the numbers of some column."""
    columns = [column for column in zip(*rows, strict=False) if all(map(_may_be_number, column))]
    commas = (cell for column in columns for cell in column if re.match(WITH_COMMA, cell))
    sure = next((cell for cell in commas if not _THOUSANDS.fullmatch(cell)), None)
    has_points = any(re.match(WITH_POINT, cell) for row in rows for cell in row)
    if sure is None or has_points:
        return ".", ""
    return ",", f"the first rows hold {sure.strip()!r}, and no number with a point"


def _may_be_number(cell: str) -> bool:
    """Whether a cell can be one of a column of numbers with decimal commas."""
    return _OTHER_NUMBER.fullmatch(cell) is not None or re.match(WITH_COMMA, cell) is not None
