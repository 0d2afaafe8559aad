"""Labels in NumPy arrays: indices of classes, names, or one-hot rows."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.import_summary import Findings
from distnet.data.sources._arrays import MAX_CLASSES, class_names
from distnet.data.sources._classes import make_classes
from distnet.data.sources._guess import MOST_GUESSED_CLASSES
from distnet.data.sources._labels import LabelsSeen, label_texts
from distnet.data.sources._names import check_names
from distnet.errors import DataError

Arrays = dict[str, NDArray[Any]]
"""By split."""


def guess_kind(y: Mapping[str, NDArray[Any]]) -> tuple[str, str]:
    """Whether targets are classes or numbers, and by which rule."""
    if is_one_hot(y):
        width = next(iter(y.values())).shape[1]
        return "class", f"every row of {width} holds one 1 and else 0: one-hot"
    columns = _columns(y)
    shapes = {values.shape[1:] for values in columns.values()}
    if shapes != {()}:
        return "number", "several numbers a sample that are not one-hot"
    kinds = {values.dtype.kind for values in columns.values()}
    if "f" not in kinds:
        return "class", "integers" if kinds <= set("uib") else "text"
    values = np.concatenate([values.astype(np.float64) for values in columns.values()])
    different = np.unique(values)
    if not (different == np.floor(different)).all():
        return "number", "floats with fractions"
    if 1 < len(different) <= min(MOST_GUESSED_CLASSES, len(values) // 2):
        return "class", f"floats, but only {len(different)} different whole numbers"
    return (
        "number",
        "floats of one or of more than 20 different values, or each occurs less than twice",
    )


def is_one_hot(y: Mapping[str, NDArray[Any]]) -> bool:
    """Whether every row holds one 1, else 0."""
    return all(
        values.ndim == 2
        and values.shape[1] > 1
        and values.dtype.kind in "uifb"
        and bool(((values == 0) | (values == 1)).all())
        and bool(((values != 0).sum(axis=1) == 1).all())
        for values in y.values()
    )


def array_classes(
    path: Path, y: Arrays, names: Sequence[str], findings: Findings
) -> tuple[Field, Arrays]:
    """Read classes: texts, whole numbers, or one-hot rows.

    Whole numbers are the indices of classes, except for identifiers larger than any index: these
    are names.

    Raises:
        DataError: a label is missing, no whole number, or none of the classes.
    """
    if is_one_hot(y):
        return _one_hot_classes(path, y, names)
    flat = _columns(y)
    for split, values in flat.items():
        if values.ndim != 1:
            raise DataError(
                f"{path}: y of {split} has shape {list(values.shape)}, and its rows are not "
                "one-hot; class labels are one a sample"
            )
    are_text = all(values.dtype.kind in "US" for values in flat.values())
    if not are_text:
        _check_whole(path, flat)
    if are_text or (not names and _are_identifiers(flat)):
        return _named_classes(path, flat, names, findings)
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
        texts[split] = label_texts(pa.array(values.astype(values.dtype.newbyteorder("="))), names)

        def location(row: int, split: str = split) -> str:
            return f"{path}: y of {split}[{row}]"

        if texts[split].null_count:
            missing = pc.index(texts[split].is_null(), True).as_py()
            raise DataError(f"{location(missing)}: the label is missing")
        seen.add(texts[split], split, location)
    field, encode = make_classes("y", seen, names, findings)
    return field, {s: encode(pa.RecordBatch.from_pydict({"y": t})) for s, t in texts.items()}


def _are_identifiers(y: Arrays) -> bool:
    return any(values.max() >= MAX_CLASSES for values in y.values()) and all(
        values.min() >= 0 for values in y.values()
    )


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
