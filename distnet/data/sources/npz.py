"""NumPy archives: arrays `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`.

Other names are said by the user, without that of the split: `images` for `train_images`.

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


def read(
    path: Path,
    *,
    inputs: str = "x",
    target: Sequence[str] = ("y",),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
) -> RawData:
    """Read all arrays.

    Args:
        path: the archive.
        inputs: the name of the array of samples, without that of its split.
        target: the name of the array of what is learned.
        target_kind: `class` or `number`; else decided by the content of `y`.
        classes: names of the labels 0, 1, ...; else the labels themselves.

    Raises:
        DataError: an array is missing, damaged, or does not fit the others.
    """
    findings = Findings()
    if len(target) > 1:
        raise DataError(f"--target names {len(target)} arrays, {', '.join(target)}; expected one")
    x, y = _load(path, (inputs, target[0]), findings)
    shapes = {split: values.shape[1:] for split, values in x.items()}
    if len(set(shapes.values())) > 1:
        raise DataError(f"{path}: the samples of the splits have different shapes: {shapes}")
    learned, targets = _targets(path, y, target_kind, classes, findings)
    field, features = _features(x, path, findings)
    return RawData(
        fields={"x": field, "y": learned},
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


def _load(path: Path, names: tuple[str, str], findings: Findings) -> tuple[Arrays, Arrays]:
    """The samples and the targets of each split, whose arrays have these names."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            found = archive.files
            keys = _keys(path, found, names)
            x = {split: archive[key] for split, (key, _) in keys.items()}
            y = {split: archive[key] for split, (_, key) in keys.items()}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, TypeError) as error:
        raise DataError(f"{path}: {_why_unreadable(path, error)}") from None
    used = {key for pair in keys.values() for key in pair}
    findings.read("arrays", len(used))
    for name in found:
        if name not in used:
            why, option = f"only {', '.join(sorted(used))} are read", "--inputs KEY, --target KEY"
            findings.left_out("arrays", why, example=name, option=option)
    for split, values in x.items():
        _check_lengths(path, split, values, y[split])
    return x, y


def _keys(path: Path, found: Sequence[str], names: tuple[str, str]) -> dict[str, tuple[str, str]]:
    """The arrays of samples and targets of each split: `x_train` or `train_x`, or `x` alone.

    Raises:
        DataError: one of the two is missing.
    """
    inputs, target = names
    if inputs in found or target in found:
        splits = {"all": names}
    else:
        forms = ("{name}_{split}", "{split}_{name}")
        pairs = [
            (split, tuple(form.format(name=name, split=split) for name in names))
            for form in forms
            for split in SPLITS
        ]
        splits = {split: (x, y) for split, (x, y) in pairs if x in found or y in found}
    missing = {key for pair in splits.values() for key in pair} - set(found)
    if missing or not splits:
        raise DataError(
            f"{path}: expected arrays {inputs} and {target}, or {inputs}_train, {target}_train, "
            f"{inputs}_test and {target}_test; found {', '.join(sorted(found)) or 'none'}; name "
            "others, without the split, with --inputs KEY and --target KEY"
        )
    return splits


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
