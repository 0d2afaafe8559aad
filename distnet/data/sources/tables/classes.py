"""The classes of a label column: their names, their order, and the index of each label."""

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.tables.labels import (
    CANONICAL,
    LabelsSeen,
    folded,
    label_texts,
    numbers_of,
)
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted

MOST_CLASSES = 10_000
_INDEX = re.compile(r"(0|[1-9][0-9]*)(\.0+)?", re.ASCII)
_BOOLEANS = {"false": 0, "true": 1}
Encode = Callable[[pa.RecordBatch], NDArray[Any]]


def make_classes(
    column: str, labels: LabelsSeen, names: Sequence[str], findings: Findings
) -> tuple[ClassField, Encode]:
    """Decide which labels are which classes.

    Args:
        column: the name of the label column.
        labels: all labels that occur.
        names: of all classes, in the order of their index; empty if the labels are the names.
        findings: takes what is probably not intended.

    Raises:
        DataError: there are too many labels, one is none of the classes, or the labels of two
            splits do not fit together.
    """
    if labels.has_too_many:
        raise DataError(
            f"column {column!r} has more than {MOST_CLASSES} different values, too many for "
            "classes; name another column with --target, or use --target-kind number"
        )
    _check_splits(column, labels, names)
    _check_files(column, labels)
    if names:
        classes, indices = tuple(names), _named(labels, names)
    else:
        ordered = in_order(labels)
        classes = _shown(ordered)
        indices = {label: index for index, label in enumerate(ordered)}
        _warn_of_equal_numbers(ordered, findings)
        _warn_of_lost_digits(ordered, findings)
    return ClassField(classes=classes), _encoder(column, indices, names)


def in_order(labels: LabelsSeen | Sequence[str]) -> list[str]:
    """Sort labels by their numbers where all are whole numbers in canonical form, else as text."""
    if all(CANONICAL.fullmatch(label) for label in labels):
        return sorted(labels, key=Decimal)  # int() refuses those of many digits
    return natural_order(labels)


def _shown(labels: Sequence[str]) -> tuple[str, ...]:
    """The names of classes: labels without spaces around them, unless two would be the same."""
    shown = tuple(label.strip() for label in labels)
    return shown if len(set(shown)) == len(shown) else tuple(labels)


def _named(labels: LabelsSeen, names: Sequence[str]) -> dict[str, int]:
    """The index of each label: its name's, or the label itself where none is a name."""
    position = {name: index for index, name in enumerate(names)}
    are_names = any(label.strip() in position for label in labels)
    are_numbers = all(label.lower() in _BOOLEANS or numbers_of([label]) for label in labels)
    indices = {}
    for label, location in labels.locations.items():
        if are_names or not are_numbers:
            found = position.get(label, position.get(label.strip()))
        else:
            found = _index(label, len(names), location)
        if found is None:
            raise DataError(f"{location()}: {label!r} is not one of the classes {', '.join(names)}")
        indices[label] = found
    return indices


def _index(label: str, num_classes: int, location: Callable[[], str]) -> int | None:
    match = _INDEX.fullmatch(label)
    index = int(match[1]) if match else _BOOLEANS.get(label.lower())
    if index is None and CANONICAL.fullmatch(label) is None:
        return None
    if index is None or index >= num_classes:
        raise DataError(
            f"{location()}: label {label} is out of range; "
            f"{counted(num_classes, 'class is', 'classes are')} named, so "
            f"labels go from 0 to {num_classes - 1}"
        )
    return index


def _encoder(column: str, indices: dict[str, int], allowed: Sequence[str]) -> Encode:
    labels = pa.array(list(indices), pa.string())
    classes = np.array(list(indices.values()), np.int32)

    def encode(batch: pa.RecordBatch) -> NDArray[np.int32]:
        found = pc.index_in(label_texts(batch.column(column), allowed), value_set=labels)
        if found.null_count:
            raise DataError(f"column {column!r} changed while it was imported; import it again")
        encoded: NDArray[np.int32] = classes[found.to_numpy()]
        return encoded

    return encode


def _check_splits(column: str, labels: LabelsSeen, names: Sequence[str]) -> None:
    """Compare the labels of every split with those of the training split."""
    known = labels.of("train")
    others = {split for splits in labels.splits.values() for split in splits} - {"train"}
    for split in sorted(others) if known else ():
        found = labels.of(split)
        new = [x for x in found if "train" not in labels.splits[x] and x.strip() not in names]
        _refuse_other_writing(column, labels, known, new)
        _refuse_other_type(column, labels, known, found)


def _refuse_other_writing(
    column: str, labels: LabelsSeen, known: Sequence[str], new: Sequence[str]
) -> None:
    """Refuse `1.0` where the training split has `1`, and `Cat` where it has `cat`.

    One class would become two, of which the second cannot be learned.
    """
    writing: dict[Decimal | str, str] = {folded(label): label for label in known}
    writing |= {number: label for label, number in numbers_of(known).items()}
    numbers = numbers_of(new)
    for label in new:
        other = writing.get(numbers.get(label, ""), writing.get(folded(label)))
        if other is not None:
            raise _unlike(column, labels, label, other)


def _refuse_other_type(
    column: str, labels: LabelsSeen, known: Sequence[str], found: Sequence[str]
) -> None:
    """Refuse numbers where the training split has nothing but other text, and the reverse."""
    part = len(numbers_of(known)) / len(known), len(numbers_of(found)) / len(found)
    if set(part) == {0, 1}:
        raise _unlike(column, labels, found[0], known[0])


def _check_files(column: str, labels: LabelsSeen) -> None:
    """Refuse `1` in some files and `1.0` in others: a program wrote one class in two ways."""
    for first, *others in _equal_numbers(labels):
        for other in others:
            if not labels.files[first] & labels.files[other]:
                raise _unlike(column, labels, other, first)


def _unlike(column: str, labels: LabelsSeen, label: str, known: str) -> DataError:
    return DataError(
        f"{labels.locations[label]()}: the target {column!r} is {label!r}, but {known!r} at "
        f"{labels.locations[known]()}; write the labels of all files alike"
    )


def _equal_numbers(labels: Iterable[str]) -> list[list[str]]:
    """The labels that denote one number, where there are several."""
    writings: dict[Decimal, list[str]] = {}
    for label, number in numbers_of(labels).items():
        writings.setdefault(number, []).append(label)
    return [alike for alike in writings.values() if len(alike) > 1]


def _warn_of_equal_numbers(labels: Sequence[str], findings: Findings) -> None:
    for alike in _equal_numbers(labels):
        findings.warned(
            "classes that denote the same number",
            "labels are compared as they are written, not as numbers",
            example=" and ".join(map(repr, alike[:3])),
            option="write them alike, or --target-kind number",
        )


def _warn_of_lost_digits(labels: Sequence[str], findings: Findings) -> None:
    long = [label for label, number in numbers_of(labels).items() if _is_long_float(label, number)]
    if long:
        findings.warned(
            "labels of more than 53 bits that were floats",
            "their last digits were lost before the import",
            example=long[0],
            count=len(long),
            option="save them as integers or text",
        )


def _is_long_float(label: str, number: Decimal) -> bool:
    return "e" in label.lower() and abs(number) > 2**53
