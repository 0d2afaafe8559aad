"""Whether a column of targets that nobody described holds classes or numbers to predict.

It holds classes if it holds text, or at most 20 different whole numbers that each occur twice on
average.
"""

import re
from collections.abc import Collection

from distnet.data.csv.dialect import thousands_of
from distnet.data.sources.tables.labels import (
    BOOLEANS,
    CANONICAL,
    NUMBERS_OR_TEXT,
    PADDED,
    TEXT,
    LabelsSeen,
    are_whole,
    numbers_of,
)
from distnet.errors import DataError

MOST_GUESSED_CLASSES = 20
OTHER_NOTATION = re.compile(
    r"[+-]?[0-9]{1,3}([ ,.'_\u2019\u00a0\u202f][0-9]{3})+([.,][0-9]+)?"  # with thousands marked
    r"|[+-]?[0-9]*,[0-9]+"
    r"|[+-]?[$€£¥] ?[0-9][0-9.,]*|[+-]?[0-9.,]*[0-9] ?[%$€£¥]"
    r"|[+-]?inf(inity)?",
    re.I,
)
"""What is a number to users, but not to this program."""
LONGEST_NUMBER = 2**53
"""Longer whole numbers are identifiers: no number format of a network holds them."""


def guess_class(labels: LabelsSeen, held: str, not_number: str, num_rows: int) -> tuple[bool, str]:
    """Whether a column holds classes, and by which rule.

    Args:
        labels: the different ones.
        held: what its type holds: text, numbers or text, ...
        not_number: describes the first cell that is no number; empty if there is none.
        num_rows: of the column.

    Raises:
        DataError: it is not clear: nearly all cells are numbers to predict, but some are text;
            numbers are in a notation that is not read; times differ in most rows; or the labels
            of one split look like classes, those of another like numbers.
    """
    is_repeated = len(labels) <= num_rows // 2
    if held not in (TEXT, NUMBERS_OR_TEXT):
        if held != BOOLEANS and not is_repeated and len(labels) > MOST_GUESSED_CLASSES:
            _refuse_times(labels, held)
        return True, f"the column holds {held}"
    if not_number:
        _refuse_other_notation(labels)
        _refuse_mixture(labels, not_number)
        return True, "labels are text"
    padded = next((label for label in labels if PADDED.fullmatch(label)), None)
    if padded is not None:
        return True, f"{padded!r} has leading zeros, so the labels are text"
    _refuse_other_fractions(labels)
    return _guess_of_numbers(labels, held, is_repeated=is_repeated)


def _guess_of_numbers(labels: Collection[str], held: str, *, is_repeated: bool) -> tuple[bool, str]:
    numbers = numbers_of(labels).values()
    if not are_whole(numbers):
        return False, "numbers with fractions"
    if is_repeated and held == TEXT:
        return True, "the column holds whole numbers as text"
    if is_repeated and len(labels) <= MOST_GUESSED_CLASSES:
        other = next((label for label in labels if not CANONICAL.fullmatch(label)), None)
        kept = "" if other is None else f", kept as text: {other!r} could be written otherwise"
        return True, f"{len(labels)} different whole numbers{kept}"
    if is_repeated and any(abs(number) > LONGEST_NUMBER for number in numbers):
        return True, "whole numbers of more than 53 bits are identifiers"
    return False, "more than 20 different numbers, or each occurs less than twice"


def _refuse_other_notation(labels: LabelsSeen) -> None:
    """Refuse numbers that are written as `1,200`, `5 %` or `inf`, alone or among others."""
    numbers = numbers_of(labels)
    others = [label for label in labels if label not in numbers]
    if others and all(OTHER_NOTATION.fullmatch(label.strip()) for label in others):
        marks = ", read a decimal comma with --decimal ," if "," in others[0] else ""
        if mark := thousands_of(others[0]):
            marks += f", or marks of thousands with --thousands {mark!r}"
        raise DataError(
            f"{labels.locations[others[0]]()}: the target is {others[0]!r}, a number in a notation "
            "that is not read, or the name of a class; write numbers with digits and a decimal "
            f"point only{marks}, or take all as names of classes with --target-kind class"
        )


def _refuse_times(labels: LabelsSeen, held: str) -> None:
    """Refuse times that are rather measured than named."""
    first = next(iter(labels))
    raise DataError(
        f"{labels.locations[first]()}: the target is {first!r}: it holds {held}, which differ in "
        "most rows; convert them to numbers, such as seconds, or take them as classes with "
        "--target-kind class"
    )


def _refuse_mixture(labels: LabelsSeen, not_number: str) -> None:
    """Refuse a column of numbers in which a few cells are text."""
    numbers = numbers_of(label for label in labels if not PADDED.fullmatch(label))
    is_mostly_numbers = len(numbers) * 2 > len(labels)
    are_many = len(numbers) > MOST_GUESSED_CLASSES or not are_whole(numbers.values())
    if is_mostly_numbers and are_many:
        raise DataError(
            f"{not_number}, as most other cells hold; correct the cell, or take all as names of "
            "classes with --target-kind class"
        )


def _refuse_other_fractions(labels: LabelsSeen) -> None:
    """Refuse numbers with fractions where the training split has a few whole numbers."""
    known = labels.of("train")
    if not known or len(known) > MOST_GUESSED_CLASSES or not are_whole(numbers_of(known).values()):
        return
    for label, number in numbers_of(labels).items():
        if not are_whole([number]):
            raise DataError(
                f"{labels.locations[label]()}: the target is {label!r}, but train has only "
                f"{len(known)} different whole numbers; correct the labels, or say what they are "
                "with --target-kind"
            )
