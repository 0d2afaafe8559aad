"""Which value of the masks is which class, and which is none."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from distnet.data.fields.mask import MAX_CLASSES, VOID
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.pairs import Pair
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

Values = NDArray[np.uint8]
IGNORE, CLASSES = "--ignore-index", "--classes A,B,..."
MOST_NAMED = 8
FEWEST_WITH_VOID = 3
"""Masks with the values 0 and 255 alone have two classes; with more, 255 often marks none."""


def read_classes(
    values: Mapping[Pair, Values],
    classes: Sequence[str],
    ignored: Sequence[int],
    unreadable: Unreadable,
    findings: Findings,
) -> tuple[tuple[str, ...], Values]:
    """The names of the classes, and the class of each value [256]; VOID of those without one.

    Args:
        values: those in the mask of each pair, sorted.
        classes: the names of the values 0, 1, ... that are not ignored, where they are given; if
            others occur, and as many as there are names, of these in their order.
        ignored: values of pixels without a class.
        unreadable: gets the pairs with a value that is no class.
        findings: of the import.

    Raises:
        DataError: no pixel has a class, or there are more than fit.
    """
    if wrong := [value for value in ignored if not 0 <= value <= VOID]:
        raise DataError(f"{IGNORE}: found {wrong[0]}, expected values from 0 to {VOID}")
    every = sorted({int(value) for found in values.values() for value in found})
    for value in sorted({*ignored} - {*every} if every else ()):
        findings.warned(f"{IGNORE} {value} has no effect", "no mask has this value")
    every = [value for value in every if value not in ignored]
    if values and not every:
        raise DataError(f"no pixel has a class: all masks hold the values of {IGNORE} alone")
    class_of = np.zeros(256, np.uint8)
    class_of[list(ignored)] = VOID
    most = MAX_CLASSES - len({*ignored})
    if len(classes) > most:
        raise DataError(f"--classes: found {len(classes)} names, expected at most {most}")
    known = [value for value in range(256) if value not in ignored][: len(classes)]
    if classes and not {*every} <= {*known} and len(every) != len(classes):
        _refuse(values, known, classes, {*ignored}, unreadable)
    elif not {*every} <= {*known}:
        known = every
    class_of[known] = np.arange(len(known))
    _report(every, classes, ignored, findings)
    return tuple(classes) or tuple(map(str, known)), class_of


def _refuse(
    values: Mapping[Pair, Values],
    known: Sequence[int],
    classes: Sequence[str],
    ignored: set[int],
    unreadable: Unreadable,
) -> None:
    for pair, found in values.items():
        if unknown := {*found.tolist()} - {*known} - ignored:
            unreadable.add(str(pair.image), _no_class(pair, max(unknown), known, classes))


def _no_class(pair: Pair, value: int, known: Sequence[int], classes: Sequence[str]) -> DataError:
    return DataError(
        f"{pair.mask}: found the value {value}, expected {known[0]} to {known[-1]}, the classes "
        f"{', '.join(classes)}; repair the mask, name all classes with --classes, or, if such "
        f"pixels have no class, set {IGNORE} {value}"
    )


def _report(
    every: list[int], classes: Sequence[str], ignored: Sequence[int], findings: Findings
) -> None:
    if not classes:
        why = "they are the values that occur in the masks"
        named = ", ".join(map(str, every[:MOST_NAMED])) + (", ..." * (len(every) > MOST_NAMED))
        findings.guessed("names of the classes", named, why, option=CLASSES)
    if every[-1:] == [VOID] and not ignored and len(every) >= FEWEST_WITH_VOID:
        why = "nothing says that it marks pixels without a class, as in Pascal VOC"
        findings.guessed("the value 255", "a class like the others", why, option=f"{IGNORE} 255")
