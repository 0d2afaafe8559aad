"""NumPy archives: arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.

uint8 arrays of three dimensions [n, height, width] or four ([n, height, width, channels] or
[n, channels, height, width]) are images; arrays of two [n, numbers] are vectors. `y` holds for each
sample a class (its index, its name, or a one-hot row) or numbers.
"""

import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.array_labels import Arrays, array_classes, guess_kind
from distnet.data.sources.tables.arrays import as_chunks
from distnet.data.sources.tables.numbers import store_numbers
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

SPLITS = ("train", "test", "val", "valid", "validation", "dev")
_CHANNELS = (1, 3)


def detect(path: Path) -> bool:
    """Whether it is a file called `.npz`."""
    return path.is_file() and path.suffix.lower() == ".npz"


def read(path: Path, *, target_kind: str | None = None, classes: Sequence[str] = ()) -> RawData:
    """Read all arrays.

    Args:
        path: the archive.
        target_kind: `class` or `number`; else decided by the content of `y`.
        classes: names of the labels 0, 1, ...; else the labels themselves.

    Raises:
        DataError: an array is missing, damaged, or does not fit the others.
    """
    findings = Findings()
    x, y = _load(path, findings)
    shapes = {split: values.shape[1:] for split, values in x.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{path}: the samples of the splits have different shapes: {shapes}")
    target, targets = _targets(path, y, target_kind, classes, findings)
    field, features = _features(x, path, findings)
    return RawData(
        fields={"x": field, "y": target},
        splits={s: as_chunks({"x": features[s], "y": targets[s]}) for s in features},
        num_samples=sum(map(len, features.values())),
        findings=findings,
    )


def _why_unreadable(path: Path, error: Exception) -> str:
    if path.is_file() and not zipfile.is_zipfile(path):
        return (
            "cannot be read as a NumPy archive: it is damaged, or none; write one with numpy.savez"
        )
    hint = ""
    if "allow_pickle" in str(error):
        hint = "; convert arrays of Python objects, such as with y.astype(str), and save again"
    return f"cannot be read as a NumPy archive ({error}){hint}"


def _load(path: Path, findings: Findings) -> tuple[Arrays, Arrays]:
    try:
        with np.load(path, allow_pickle=False) as archive:
            ends = _ends(path, set(archive.files))
            x = {split: archive["x" + end] for split, end in ends.items()}
            y = {split: archive["y" + end] for split, end in ends.items()}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError) as error:
        raise DataError(f"{path}: {_why_unreadable(path, error)}") from None
    used = {name + end for end in ends.values() for name in "xy"}
    findings.read("arrays", len(used))
    for name in archive.files:
        if name not in used:
            why = f"only {', '.join(sorted(used))} are read"
            findings.left_out("arrays", why, example=name, option="rename or join the arrays")
    for split, values in x.items():
        _check_lengths(path, split, values, y[split])
    return x, y


def _ends(path: Path, names: set[str]) -> dict[str, str]:
    """What the names of the arrays of each split end in."""
    splits = {name: f"_{name}" for name in SPLITS} if "x_train" in names else {"all": ""}
    found = {s: end for s, end in splits.items() if names & {"x" + end, "y" + end}}
    missing = {name + end for end in found.values() for name in "xy"} - names
    if missing or not found:
        raise DataError(
            f"{path}: expected arrays x and y, or x_train, y_train, x_test and y_test; "
            f"found {', '.join(sorted(names)) or 'none'}"
        )
    return found


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


def _features(
    x: Arrays, path: Path, findings: Findings
) -> tuple[Field, Mapping[str, NDArray[Any]]]:
    """The field of the features, and these as they are stored."""
    if next(iter(x.values())).ndim > 2:
        images = {split: _images(values, f"{path}: x of {split}") for split, values in x.items()}
        return ImageField(shape=next(iter(images.values())).shape[1:]), images
    numbers, origin = _numbers(x, f"{path}: x of ", "x", findings)
    return VectorField(shape=next(iter(numbers.values())).shape[1:], origin=origin), numbers


def _images(x: NDArray[Any], location: str) -> NDArray[np.uint8]:
    if x.dtype != np.uint8 or x.ndim > 4:
        raise DataError(
            f"{location} is {x.dtype} of shape {list(x.shape)}; images must be uint8 of three or "
            "four dimensions (multiply by 255 and convert), other samples vectors (reshape to "
            "[n, -1])"
        )
    if x.ndim == 3:
        return x[:, None]
    if x.shape[1] in _CHANNELS:
        return x
    if x.shape[3] in _CHANNELS:
        return x.transpose(0, 3, 1, 2)
    raise DataError(f"{location} has shape {list(x.shape)}; images have 1 or 3 channels")


def _numbers(
    arrays: Arrays, location: str, name: str, findings: Findings
) -> tuple[Arrays, tuple[float, ...]]:
    """Numbers as they are stored, by split, and their origin."""
    for split, values in arrays.items():
        if values.dtype.kind not in "uifb":
            raise DataError(f"{location}{split} holds {values.dtype}; expected numbers")
    stored, origin = store_numbers({location + s: v for s, v in arrays.items()}, name, findings)
    return dict(zip(arrays, stored.values(), strict=True)), origin


def _targets(
    path: Path, y: Arrays, kind: str | None, names: Sequence[str], findings: Findings
) -> tuple[Field, Arrays]:
    """The field of the targets, and these as they are stored."""
    shapes = {split: values.shape[1:] for split, values in y.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{path}: y of the splits has different shapes: {shapes}")
    if kind == "number" and names:
        raise DataError("--classes names classes, but --target-kind is number; give one")
    if kind is None and names:
        kind = "class"
    if kind is None:
        kind, why = guess_kind(path, y)
        option = "--target-kind " + ("number" if kind == "class" else "class")
        findings.guessed("kind of target", kind, why, option=option)
    if kind == "class":
        return array_classes(path, y, names, findings)
    columns = {s: values[:, None] if values.ndim == 1 else values for s, values in y.items()}
    numbers, origin = _numbers(columns, f"{path}: y of ", "y", findings)
    return NumberField(shape=next(iter(numbers.values())).shape[1:], origin=origin), numbers
