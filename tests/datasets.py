"""A small dataset of striped images that any network learns in seconds."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.manifest import Manifest
from distnet.data.shard_writer import ShardWriter

CLASSES = 4


def write_dataset(folder: Path, *, train: int, test: int, side: int = 12) -> Path:
    """Write images whose class is the place of a bright stripe, under noise."""
    folder.mkdir()
    x = ImageField(shape=(1, side, side), mean=(0.3,), std=(0.3,))
    fields = {"x": x, "y": ClassField(classes=tuple("abcd"))}
    splits = {}
    for seed, (split, count) in enumerate({"train": train, "test": test}.items()):
        random = np.random.default_rng(seed)
        classes = random.integers(0, CLASSES, count).astype(np.int32)
        images = random.integers(0, 120, (count, 1, side, side)).astype(np.uint8)
        images[np.arange(count), 0, classes * side // CLASSES + 1] += 120
        with ShardWriter(folder, split, fields) as writer:
            writer.write({"x": images, "y": classes})
            splits[split] = writer.finish()
    manifest = Manifest(name="stripes", source="made", fields=fields, splits=splits)
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "stripes", train=1003, test=203)
