"""Datasets of the small users: faces, text and scenes, made of real data."""

import gzip
import tarfile
from pathlib import Path

import numpy as np

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset, write_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.data.shipped import find_dataset
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.arrays import as_chunks
from tests.needs import real_data

SCENE, DIGIT, NUM_SCENES, MOST = 48, 14, 240, 3
CHARACTERS = 20_000


def make(name: str, folder: Path) -> Path:
    """Make the dataset called `name`."""
    {"faces": _faces, "text": _text, "scenes": _scenes}[name](folder)
    return folder


def _faces(folder: Path) -> None:
    """The ORL faces: 40 persons with 10 pictures each."""
    raw = folder.with_name("raw-faces")
    with tarfile.open(real_data("orl-faces.tar.xz")) as archive:
        archive.extractall(raw, filter="data")
    import_dataset(raw / "att_faces", folder)


def _text(folder: Path) -> None:
    """The beginning of Shakespeare, a sample a line."""
    with gzip.open(real_data("tinyshakespeare.txt.gz"), "rt") as file:
        text = file.read(CHARACTERS)
    field = TokensField(vocabulary=tuple(sorted(set(text))))
    lines = [field.encode(line) for line in text.splitlines(keepends=True)]
    _write(folder, {"text": field}, {"text": RaggedArray.of(lines)})


def _scenes(folder: Path) -> None:
    """One to three digits of half their size on a larger image, each with its box."""
    mnist = find_dataset("mnist", folder=Path())
    manifest = read_manifest(mnist)
    columns = ShardReader(mnist, manifest, "test").read_group(0)
    small = columns["x"][:, :, ::2, ::2]
    random = np.random.default_rng(0)
    images = np.zeros((NUM_SCENES, 1, SCENE, SCENE), np.uint8)
    boxes = []
    for image in images:
        chosen = random.integers(0, len(small), random.integers(1, MOST + 1))
        corners = random.integers(0, SCENE - DIGIT, (len(chosen), 2))
        for index, (left, top) in zip(chosen, corners, strict=True):
            image[:, top : top + DIGIT, left : left + DIGIT] |= small[index]
        labels = columns["y"][chosen][:, None]
        boxes.append(np.hstack([corners, corners + DIGIT, labels]).astype(np.float32))
    fields = {
        "x": ImageField(shape=images.shape[1:]),
        "boxes": BoxesField(classes=manifest.y.classes),
    }
    _write(folder, fields, {"x": images, "boxes": RaggedArray.of(boxes)})


def _write(folder: Path, fields: dict[str, Field], columns: Columns) -> None:
    folder.mkdir()
    data = RawData(fields=fields, splits={"train": as_chunks(columns)})
    write_dataset(
        folder, data, name=folder.name, source="made", licence="unknown", test_fraction=0.2
    )
