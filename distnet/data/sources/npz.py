"""NumPy archives: arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.

uint8 arrays of three dimensions [n, height, width] or four ([n, height, width, channels] or
[n, channels, height, width]) are images; arrays of two [n, numbers] are vectors. `y` holds the
index of a class or a text a sample, or float numbers.
"""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.import_summary import Findings
from distnet.data.sources._arrays import as_chunks, as_float32, class_names
from distnet.data.sources._names import check_names, natural_order
from distnet.data.sources.source import RawData
from distnet.errors import DataError

_CHANNELS = (1, 3)
Arrays = dict[str, NDArray[Any]]


def detect(path: Path) -> bool:
    """Whether it is a file called `.npz`."""
    return path.is_file() and path.suffix.lower() == ".npz"


def read(path: Path, *, target_kind: str | None = None, classes: Sequence[str] = ()) -> RawData:
    """Read all arrays.

    Args:
        path: the archive.
        target_kind: `class` or `number`, where it is not clear from the numbers of `y`.
        classes: names of the labels 0, 1, ...; else the labels themselves.

    Raises:
        DataError: an array is missing, damaged, or does not fit the others.
    """
    findings = Findings()
    x, y = _load(path, findings)
    shapes = {split: values.shape[1:] for split, values in x.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{path}: the samples of the splits have different shapes: {shapes}")
    is_number = (target_kind or _guess(y)) == "number"
    target, targets = _numbers(path, y) if is_number else _labels(path, y, classes)
    features = {split: _features(values, f"{path}: x of {split}") for split, values in x.items()}
    first = next(iter(features.values()))
    cls = ImageField if first.ndim == 4 else VectorField
    return RawData(
        fields={"x": cls(shape=first.shape[1:]), "y": target},
        splits={s: as_chunks({"x": features[s], "y": targets[s]}) for s in features},
        num_samples=sum(map(len, features.values())),
        findings=findings,
    )


def _load(path: Path, findings: Findings) -> tuple[Arrays, Arrays]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            names = set(archive.files)
            splits = {"train": "_train", "test": "_test"} if "x_train" in names else {"all": ""}
            found = {name: "x" + end in names or "y" + end in names for name, end in splits.items()}
            missing = {p + end for s, end in splits.items() if found[s] for p in "xy"} - names
            if missing or not any(found.values()):
                raise DataError(
                    f"{path}: expected arrays x and y, or x_train, y_train, x_test and y_test; "
                    f"found {', '.join(sorted(names)) or 'none'}"
                )
            x = {s: archive["x" + end] for s, end in splits.items() if found[s]}
            y = {s: archive["y" + end] for s, end in splits.items() if found[s]}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError) as error:
        raise DataError(f"{path}: cannot be read as a NumPy archive ({error})") from None
    _report_arrays(names, {part + splits[split] for split in x for part in "xy"}, findings)
    for split, values in x.items():
        _check_lengths(path, split, values, y[split])
    return x, y


def _report_arrays(names: set[str], read: set[str], findings: Findings) -> None:
    findings.read("arrays", len(read))
    for name in sorted(names - read):
        why = f"only {', '.join(sorted(read))} are read"
        findings.left_out("arrays", why, example=name, option="rename or join the arrays")


def _check_lengths(path: Path, split: str, x: NDArray[Any], y: NDArray[Any]) -> None:
    if x.ndim < 2 or x.size == 0:
        raise DataError(
            f"{path}: x of {split} has shape {list(x.shape)}; expected [samples, ...], not empty"
        )
    if y.ndim < 1 or len(x) != len(y):
        raise DataError(
            f"{path}: x of {split} has shape {list(x.shape)}, y has {list(y.shape)}: "
            "the first numbers must agree"
        )


def _features(x: NDArray[Any], location: str) -> NDArray[Any]:
    if x.dtype.kind not in "uifb":
        raise DataError(f"{location} holds {x.dtype}; expected numbers")
    if x.ndim == 2:
        return as_float32(x, location=location)
    if x.dtype != np.uint8 or x.ndim > 4:
        raise DataError(
            f"{location} is {x.dtype} of shape {list(x.shape)}; images must be uint8 of three or "
            "four dimensions (multiply by 255 and convert), other "
            " samples vectors (reshape to [n, -1])"
        )
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in _CHANNELS:
        return x
    if x.shape[3] in _CHANNELS:
        return x.transpose(0, 3, 1, 2)
    raise DataError(f"{location} has shape {list(x.shape)}; images have 1 or 3 channels")


def _guess(y: Arrays) -> str:
    values = next(iter(y.values()))
    return "number" if values.dtype.kind == "f" or values.ndim > 1 else "class"


def _numbers(path: Path, y: Arrays) -> tuple[Field, Arrays]:
    for split, values in y.items():
        if values.dtype.kind not in "uifb":
            raise DataError(f"{path}: y of {split} holds {values.dtype}; expected numbers")
    columns = {
        split: values[:, None] if values.ndim == 1 else values for split, values in y.items()
    }
    shapes = {split: values.shape[1:] for split, values in columns.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{path}: y of the splits has different shapes: {shapes}")
    numbers = {s: as_float32(v, location=f"{path}: y of {s}") for s, v in columns.items()}
    return NumberField(shape=next(iter(shapes.values()))), numbers


def _labels(path: Path, y: Arrays, names: Sequence[str]) -> tuple[Field, Arrays]:
    flat = {s: v[:, 0] if v.ndim == 2 and v.shape[1] == 1 else v for s, v in y.items()}
    for split, values in flat.items():
        if values.ndim != 1:
            raise DataError(
                f"{path}: y of {split} has shape {list(values.shape)}; class labels are one a "
                "sample (of one-hot rows take argmax)"
            )
    if all(values.dtype.kind in "US" for values in flat.values()):
        return _text_labels(path, flat, names)
    whole = {f"{path}: y of {s}": _whole(v, f"{path}: y of {s}") for s, v in flat.items()}
    target = ClassField(classes=class_names(whole, names))
    return target, {s: v.astype(np.int32) for s, v in zip(flat, whole.values(), strict=True)}


def _text_labels(path: Path, y: Arrays, names: Sequence[str]) -> tuple[Field, Arrays]:
    check_names(names)
    texts = {split: values.astype(np.str_) for split, values in y.items()}
    found = {str(name) for values in texts.values() for name in np.unique(values)}
    if names and found - set(names):
        raise DataError(f"{path}: y holds {sorted(found - set(names))[0]!r}, not one of --classes")
    classes = tuple(names) or tuple(natural_order(found))
    index = {name: number for number, name in enumerate(classes)}
    labels = {s: np.array([index[str(t)] for t in v], np.int32) for s, v in texts.items()}
    return ClassField(classes=classes), labels


def _whole(values: NDArray[Any], location: str) -> NDArray[np.int64]:
    if values.dtype.kind not in "uifb":
        raise DataError(f"{location} holds {values.dtype}; expected class labels")
    bad = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)))
    if bad.size:
        raise DataError(
            f"{location}[{bad[0]}]: label {values[bad[0]]} is not a whole number; "
            "for numbers to learn use --target-kind number"
        )
    return values.astype(np.int64)
