"""Labels in NumPy arrays: indices of classes, names, or one-hot rows."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.sources.files.class_names import check_names
from distnet.data.sources.tables.arrays import MAX_CLASSES, class_names
from distnet.data.sources.tables.classes import make_classes
from distnet.data.sources.tables.guess import MOST_GUESSED_CLASSES
from distnet.data.sources.tables.labels import LabelError, LabelsSeen, label_texts
from distnet.data.sources.tables.one_hot import other_rows
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

FEWEST_INDICES = 10
"""A few labels below twice this many are indices, such as the 3 and the 8 of ten digits."""
Arrays = dict[str, NDArray[Any]]
"""By split."""


def guess_kind(path: Path, y: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """Whether targets are classes or numbers, and by which rule.

    Raises:
        DataError: one split is one-hot, another is not.
    """
    if is_one_hot(y):
        width = next(iter(y.values())).shape[1]
        return "class", f"every row of {width} holds one 1 and else 0: one-hot"
    one_hot = [split for split, values in y.items() if other_rows(values).size == 0]
    if one_hot:
        split, values = next((s, v) for s, v in y.items() if s not in one_hot)
        raise DataError(
            f"{path}: y of {one_hot[0]} is one-hot, but y of {split}[{other_rows(values)[0]}] is "
            f"{values[other_rows(values)[0]]}; to predict them as numbers use --target-kind number"
        )
    columns = _columns(y)
    shapes = {values.shape[1:] for values in columns.values()}
    if shapes != {()}:
        return "number", "several numbers a sample that are not one-hot"
    kinds = {values.dtype.kind for values in columns.values()}
    return _guess_of_numbers(columns) if kinds <= set("uifb") else ("class", "text")


def _guess_of_numbers(columns: Arrays) -> tuple[str, str]:
    different = np.unique(np.concatenate([np.unique(values) for values in columns.values()]))
    different = different[~np.isnan(different)]  # missing labels are reported later
    is_repeated = len(different) <= sum(map(len, columns.values())) // 2
    if all(values.dtype.kind != "f" for values in columns.values()):
        if is_repeated or len(different) <= MOST_GUESSED_CLASSES:
            return "class", f"{len(different)} different integers"
        return "number", "more than 20 different integers, and each occurs less than twice"
    if not (different == np.floor(different)).all():
        return "number", "floats with fractions"
    if is_repeated and 1 < len(different) <= MOST_GUESSED_CLASSES:
        return "class", f"floats, but only {len(different)} different whole numbers"
    return "number", "floats of one or more than 20 different values, or each less than twice"


def is_one_hot(y: Mapping[str, NDArray[Any]]) -> bool:
    """Whether every row holds one 1, else 0."""
    return all(other_rows(values).size == 0 for values in y.values())


def array_classes(
    path: Path, y: Arrays, names: Sequence[str], findings: Findings
) -> tuple[Field, Arrays]:
    """Read classes: texts, whole numbers, or one-hot rows.

    Whole numbers are the indices of classes, except for identifiers: these are names.

    Raises:
        DataError: a label is missing, no whole number, or none of the classes.
    """
    if is_one_hot(y):
        return _one_hot_classes(path, y, names)
    flat = _columns(y)
    for split, values in flat.items():
        if values.ndim != 1:
            rows = other_rows(values)
            row = f"; y of {split}[{rows[0]}] is {values[rows[0]].tolist()}" if rows.size else ""
            raise DataError(
                f"{path}: y of {split} has shape {list(values.shape)}, and its rows are not all "
                f"one-hot{row}; class labels are one a sample"
            )
    are_text = all(values.dtype.kind in "US" for values in flat.values())
    if not are_text:
        _check_whole(path, flat)
    if are_text or (not names and _are_identifiers(flat)):
        return _named_classes(path, flat, names, findings)
    flat = {s: v.astype(np.float64) if v.dtype.kind == "f" else v for s, v in flat.items()}
    whole = {f"{path}: y of {split}": values for split, values in flat.items()}
    field = ClassField(classes=class_names(whole, names))
    return field, {split: values.astype(np.int32) for split, values in flat.items()}


def _columns(y: Mapping[str, NDArray[Any]]) -> Arrays:
    """Labels [n] where there is one a sample."""
    return {s: v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for s, v in y.items()}


def _one_hot_classes(path: Path, y: Arrays, names: Sequence[str]) -> tuple[Field, Arrays]:
    check_names(names)
    width = next(iter(y.values())).shape[1]
    if names and len(names) != width:
        raise DataError(
            f"{path}: y is one-hot of {width} classes, but --classes names {len(names)}"
        )
    labels: Arrays = {split: rows.argmax(axis=1).astype(np.int32) for split, rows in y.items()}
    return ClassField(classes=tuple(names) or tuple(map(str, range(width)))), labels


def _named_classes(
    path: Path, y: Arrays, names: Sequence[str], findings: Findings
) -> tuple[Field, Arrays]:
    check_names(names)
    seen, texts = LabelsSeen(MAX_CLASSES), {}
    for split, values in y.items():
        location = partial(_location, path, split)
        native = pa.array(values.astype(values.dtype.newbyteorder("=")))
        try:
            texts[split] = label_texts(native, names)
        except LabelError as error:
            raise DataError(f"{location(error.row)}: the label {error}") from None
        if texts[split].null_count:
            missing = pc.index(texts[split].is_null(), True).as_py()
            raise DataError(f"{location(missing)}: the label is missing")
        seen.add(texts[split], split, location)
    field, encode = make_classes("y", seen, names, findings)
    return field, {s: encode(pa.RecordBatch.from_pydict({"y": t})) for s, t in texts.items()}


def _location(path: Path, split: str, row: int) -> str:
    return f"{path}: y of {split}[{row}]"


def _are_identifiers(y: Arrays) -> bool:
    """Whether labels are not indices: the signs -1 and 1, or numbers that leave out most others.

    Of the years 2001 to 2010 as indices, 2001 classes would have no samples.
    """
    different = np.unique(np.concatenate([np.unique(values) for values in y.values()]))
    low, high = different[0], different[-1]
    are_signs = different.tolist() == [-1, 1]
    return bool(are_signs or (low >= 0 and high >= 2 * max(len(different), FEWEST_INDICES)))


def _check_whole(path: Path, y: Arrays) -> None:
    for split, values in y.items():
        if values.dtype.kind not in "uifb":
            raise DataError(f"{path}: y of {split} holds {values.dtype}; expected class labels")
        bad = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
        if bad.size:
            label, at = values[bad[0]], f"{path}: y of {split}[{bad[0]}]"
            if np.isnan(label):
                raise DataError(f"{at}: the label is missing (NaN); remove the sample")
            raise DataError(
                f"{at}: label {label} is not a whole number; for numbers to learn use "
                "--target-kind number"
            )
