"""IDX files, the form in which MNIST and its relatives are published, raw or gzipped.

A folder holds `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, and the same for `t10k`,
with or without `.gz`. Source of the format: LeCun, Cortes and Burges, "The MNIST database of
handwritten digits".
"""

import gzip
import re
import struct
import sys
import zlib
from collections.abc import Sequence
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.arrays import as_chunks, class_names
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted

_NAME = re.compile(
    r"(?P<set>.*[-_])?(?P<split>train|t10k|test)[-_](?P<part>images|labels)[-.]idx[13][-.]ubyte"
    r"(?:\.gz)?$",
    re.IGNORECASE,
)
OTHER_NAME = "not named as MNIST's files are"
PIECE_BYTES = 2**22
_MAGIC = {"images": 0x0803, "labels": 0x0801}
_SPLITS = {"train": "train", "t10k": "test", "test": "test"}


def detect(path: Path) -> bool:
    """Whether there are files named as MNIST's are."""
    return bool(_named(path))


def read(path: Path, *, classes: Sequence[str] = ()) -> RawData:
    """Read all images [1, height, width] and labels.

    Args:
        path: the folder, or one of its files, whose set is read.
        classes: names of the labels 0, 1, ...; else the labels themselves.

    Raises:
        DataError: a file is missing, damaged, or does not fit its partner; or there are several
            sets in the folder.
    """
    files = _find(path)
    if ("train", "images") not in files:
        raise DataError(f"{path}: no training images here, such as train-images-idx3-ubyte.gz")
    names = ["train"] + ["test"] * any(split == "test" for split, _ in files)
    splits = {split: _read_split(path, files, split) for split in names}
    shapes = {split: images.shape[1:] for split, (images, _) in splits.items()}
    if len(set(shapes.values())) > 1:
        sizes = ", ".join(f"{split} {h}x{w}" for split, (_, h, w) in shapes.items())
        raise DataError(f"{path}: the images of the splits have different sizes: {sizes}")
    findings = Findings()
    _report_files(path, set(files.values()), findings)
    labels_of_file = {str(files[split, "labels"]): labels for split, (_, labels) in splits.items()}
    return RawData(
        fields={
            "x": ImageField(shape=shapes["train"]),
            "y": ClassField(classes=class_names(labels_of_file, classes)),
        },
        splits={split: as_chunks({"x": x, "y": y}) for split, (x, y) in splits.items()},
        num_samples=sum(len(labels) for _, labels in splits.values()),
        findings=findings,
    )


def _report_files(path: Path, read: set[Path], findings: Findings) -> None:
    findings.read("files", len(read))
    for file in sorted(path.iterdir() if path.is_dir() else ()):
        if file not in read:
            is_copy = _NAME.match(file.name) is not None
            why = "not of the part and set that is read" if is_copy else OTHER_NAME
            what = "folders" if file.is_dir() else "files"
            findings.left_out(what, why, example=file.name)


def _named(path: Path) -> dict[Path, re.Match[str]]:
    """The files beside `path`, or in it, that are named as MNIST's are."""
    if path.is_dir():
        files = sorted(path.iterdir())
    else:
        files = sorted(path.parent.iterdir()) if _NAME.match(path.name) else []
    found = {file: match for file in files if (match := _NAME.match(file.name))}
    return {file: match for file, match in found.items() if file.is_file()}


def _find(path: Path) -> dict[tuple[str, str], Path]:
    """The files of one set: `emnist-letters-train-images-...` is of the set `emnist-letters`.

    Raises:
        DataError: there are several sets, and `path` is a file of none of them.
    """
    named = _named(path)
    sets = sorted({match["set"] or "" for match in named.values()})
    if path in named:
        sets = [named[path]["set"] or ""]
    if len(sets) > 1:
        names = ", ".join(f"{name}train-..." for name in sets)
        raise DataError(f"{path}: found several sets of files: {names}; give a file of one of them")
    found: dict[tuple[str, str], Path] = {}
    for file, match in named.items():
        if (match["set"] or "") in sets:
            key = _SPLITS[match["split"].lower()], match["part"].lower()
            found.setdefault(key, file)
    return found


def _read_split(
    path: Path, files: dict[tuple[str, str], Path], split: str
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    for part in _MAGIC:
        if (split, part) not in files:
            raise DataError(f"{path}: the {part} of the {split} split are missing")
    images = _read_idx(files[split, "images"], "images")
    labels = _read_idx(files[split, "labels"], "labels")
    if len(images) != len(labels):
        raise DataError(
            f"{files[split, 'labels']}: {counted(len(labels), 'label')}, but "
            f"{files[split, 'images'].name} has {counted(len(images), 'image')}; take both from "
            "the same download"
        )
    return images[:, None], labels.astype(np.int32)


def _read_idx(file: Path, part: str) -> NDArray[Any]:
    num_dimensions = _MAGIC[part] & 0xFF
    head_bytes = 4 + 4 * num_dimensions
    head = _read_bytes(file, head_bytes)
    if len(head) < head_bytes:
        raise DataError(f"{file}: too short for an IDX file; download it again")
    magic, *shape = struct.unpack(f">{1 + num_dimensions}I", head)
    if magic != _MAGIC[part]:
        raise DataError(
            f"{file}: begins with 0x{magic:08x}, expected 0x{_MAGIC[part]:08x} for {part}; "
            "not an IDX file of bytes, or a file that was renamed"
        )
    if 0 in shape:
        raise DataError(f"{file}: empty (its header says {' x '.join(map(str, shape))})")
    content = _read_bytes(file, head_bytes + prod(shape) + 1)[head_bytes:]
    if len(content) != prod(shape):
        found = "longer" if len(content) > prod(shape) else f"{len(content)} bytes"
        raise DataError(
            f"{file}: {found}, expected {prod(shape)} bytes of {part} after the header "
            f"({' x '.join(map(str, shape))}); download it again"
        )
    return np.frombuffer(content, np.uint8).reshape(shape)


def _read_bytes(file: Path, limit: int) -> bytes:
    try:
        with file.open("rb") as raw:
            is_gzipped = raw.read(2) == b"\x1f\x8b"
        with gzip.open(file) if is_gzipped else file.open("rb") as opened:
            # Piece by piece: a damaged header may announce more than memory holds.
            pieces = iter(lambda: opened.read(PIECE_BYTES), b"")
            most = min(-(-limit // PIECE_BYTES), sys.maxsize)
            return b"".join(islice(pieces, most))[:limit]
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: cannot be read ({error}); download it again") from None
