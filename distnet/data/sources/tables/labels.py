"""Labels of classes as text: what makes one class differ from another, whatever the column type.

Labels are never compared as numbers, which would merge ids of 64 bits, `0123` and `123`.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from decimal import Decimal, InvalidOperation
from functools import partial
from math import isfinite, isnan
from typing import Any
from unicodedata import category, normalize

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distnet.data.sources.tables.cells import NUMBER, is_text, plain

CANONICAL = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
"""The one way in which a whole number is written."""
PADDED = re.compile(r"[+-]?0[0-9]+", re.ASCII)
"""Digits that are not a number, such as a postal code: the leading zeros belong to it."""
GAPS = ("nan", "nat", "<na>", "#n/a")
"""Texts that stand for a missing label, even where labels are text."""
TEXT, NUMBERS_OR_TEXT, BOOLEANS = "text", "numbers or text", "booleans"
_DECIMAL_ZEROS = r"^(.*\.[0-9]*[1-9])0+$|^(.*)\.0+$"
_TIME_ZEROS = r"^(.*:[0-9]{2})(\.[0-9]*[1-9])?\.?0*(Z?)$"

Location = Callable[[int], str]


class LabelError(ValueError):
    """A label that cannot be used.

    Args:
        row: of the cells.
        reason: what is wrong with it.
    """

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row = row


def label_texts(column: pa.Array, allowed: Collection[str] = ()) -> pa.Array:
    """The label of each cell as text; null where it is missing.

    Whole numbers are written in one way whatever their type: 5, 5.0 and Decimal("5.00") are `5`.
    Text is kept as it is, so the text `5.0` is not `5`.

    Args:
        column: the cells.
        allowed: texts that are labels, even if they usually stand for a missing one.

    Raises:
        LabelError: a cell cannot be written as text.
    """
    column = plain(column)
    kind = column.type
    if pa.types.is_floating(kind):
        return _of_floats(column)
    if pa.types.is_decimal(kind):
        return _of_decimals(column)
    if _is_bytes(kind):
        column = _of_bytes(column)
    try:
        texts = column.cast(pa.string())
    except pa.ArrowNotImplementedError:
        raise LabelError(0, f"is of type {kind}, expected numbers or text") from None
    if pa.types.is_temporal(kind):
        return pc.replace_substring_regex(texts, _TIME_ZEROS, r"\1\2\3")
    return _without_gaps(texts, allowed) if is_text(column.type) else texts


def folded(label: str) -> str:
    """A label without what is easily written in two ways: case, spaces, the form of letters.

    Characters without a width, such as marks of direction, are left out too.
    """
    visible = "".join(character for character in label if category(character) != "Cf")
    return normalize("NFKC", visible).casefold().strip()


def family(kind: pa.DataType) -> str:
    """What a column of labels holds; columns of two families have no label in common."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_boolean(kind):
        return BOOLEANS
    if pa.types.is_timestamp(kind):
        return f"times of the time zone {kind.tz}" if kind.tz else "times without a time zone"
    if pa.types.is_date(kind):
        return "dates"
    return "times of day or durations" if pa.types.is_temporal(kind) else NUMBERS_OR_TEXT


def number_of(label: str) -> Decimal | None:
    """The number that a label denotes, exactly; None for other text."""
    text = label.strip()
    try:
        return Decimal(text) if NUMBER.fullmatch(text) and isfinite(float(text)) else None
    except InvalidOperation:  # an exponent of more than 18 digits
        return None


def numbers_of(labels: Iterable[str]) -> dict[str, Decimal]:
    """The labels that denote numbers, with these."""
    return {label: number for label in labels if (number := number_of(label)) is not None}


def are_whole(numbers: Iterable[Decimal]) -> bool:
    """Whether all numbers are whole."""
    return all(number == number.to_integral_value() for number in numbers)


class LabelsSeen:
    """The different labels of a column, where each occurs first, and in which splits and files.

    Args:
        most: how many to collect; others are only known to exist.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self.locations: dict[str, Callable[[], str]] = {}
        self.splits: dict[str, set[str]] = {}
        self.files: dict[str, set[str]] = {}

    @property
    def has_too_many(self) -> bool:
        """Whether there are more than are collected."""
        return len(self.locations) > self._most

    def add(self, texts: pa.Array, split: str, location: Location, *, file: str = "") -> None:
        """Collect the labels of some rows of a split's file."""
        if self.has_too_many:
            return
        encoded = texts.dictionary_encode()
        _, rows = np.unique(encoded.indices.to_numpy(), return_index=True)
        for text, row in zip(encoded.dictionary.to_pylist(), rows.tolist(), strict=True):
            if text not in self.locations:
                if self.has_too_many:
                    return
                self.locations[text] = partial(location, row)
            self.splits.setdefault(text, set()).add(split)
            self.files.setdefault(text, set()).add(file)

    def __contains__(self, label: object) -> bool:
        return label in self.locations

    def __iter__(self) -> Iterator[str]:
        return iter(self.locations)

    def __len__(self) -> int:
        return len(self.locations)

    def of(self, split: str) -> list[str]:
        """The labels of one split."""
        return [label for label, splits in self.splits.items() if split in splits]


def _without_gaps(texts: pa.Array, allowed: Collection[str]) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(texts)
    gaps = pa.array(["", *GAPS], pa.string())
    is_gap = pc.is_in(pc.utf8_lower(trimmed), value_set=gaps)
    if allowed:
        is_allowed = pc.is_in(trimmed, value_set=pa.array(list(allowed), pa.string()))
        is_gap = pc.and_not(is_gap, is_allowed)
    return pc.if_else(is_gap, None, texts)


def _of_floats(column: pa.Array) -> pa.Array:
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    different, indices = np.unique(values, return_inverse=True)
    short = different.astype(f"f{column.type.bit_width // 8}")
    texts = pa.array(map(_of_float, short), pa.string())
    return texts.take(pa.array(indices))


def _of_float(value: np.floating[Any]) -> str | None:
    """The shortest text that gives the same number of its type: 0.1 is one label in all types."""
    if isnan(value):
        return None
    is_exact = value.is_integer() and abs(float(value)) <= 2**53
    return str(int(value)) if is_exact else str(value)


def _of_decimals(column: pa.Array) -> pa.Array:
    # Arrow itself writes small ones with an exponent, which depends on the type: 0E-10.
    encoded = column.dictionary_encode()
    numbers = encoded.dictionary.to_pylist()
    texts = pa.array([f"{number:f}" for number in numbers], pa.string())
    plainly = pc.replace_substring_regex(texts, _DECIMAL_ZEROS, r"\1\2")
    return plainly.take(encoded.indices)


def _of_bytes(column: pa.Array) -> pa.Array:
    column = column.cast(pa.binary())
    try:
        return column.cast(pa.string())
    except pa.ArrowInvalid:
        row = next(n for n, cell in enumerate(column.to_pylist()) if not _is_utf8(cell or b""))
        found = column[row].as_py()[:20]
        raise LabelError(row, f"is {found!r}, expected UTF-8 text") from None


def _is_utf8(content: bytes) -> bool:
    return content.decode("utf-8", "replace").encode() == content


def _is_bytes(kind: pa.DataType) -> bool:
    tests = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return any(test(kind) for test in tests)
