"""Whether a column of targets that nobody described holds classes or numbers to predict.

It holds classes if it holds text, or at most 20 different whole numbers that each occur twice on
average.
"""

from collections.abc import Collection

from distnet.data.sources._labels import (
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
        DataError: nearly all cells are numbers to predict, but some are text; or the labels of
            one split look like classes, those of another like numbers.
    """
    if held not in (TEXT, NUMBERS_OR_TEXT):
        return True, f"the column holds {held}"
    if not_number:
        _refuse_mixture(labels, not_number)
        return True, "labels are text"
    padded = next((label for label in labels if PADDED.fullmatch(label)), None)
    if padded is not None:
        return True, f"{padded!r} has leading zeros, so the labels are text"
    _refuse_other_fractions(labels)
    return _guess_of_numbers(labels, held, is_repeated=len(labels) <= num_rows // 2)


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
