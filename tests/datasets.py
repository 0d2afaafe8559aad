"""A small dataset of striped images that any network learns in seconds."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.manifest import Input, Manifest, Target
from distnet.data.shard_writer import ShardWriter
from distnet.data.shards import row_group_samples

CLASSES = 4


def write_dataset(folder: Path, *, train: int, test: int, side: int = 12) -> Path:
    """Write images whose class is the place of a bright stripe, under noise."""
    folder.mkdir()
    x = Input(kind="image", shape=(1, side, side), dtype="uint8", mean=(0.3,), std=(0.3,))
    y = Target(kind="class", classes=tuple("abcd"))
    splits = {}
    for seed, (split, count) in enumerate({"train": train, "test": test}.items()):
        random = np.random.default_rng(seed)
        classes = random.integers(0, CLASSES, count).astype(np.int32)
        images = random.integers(0, 120, (count, 1, side, side)).astype(np.uint8)
        images[np.arange(count), 0, classes * side // CLASSES + 1] += 120
        with ShardWriter(folder, split, x=x, y=y) as writer:
            writer.write(images, classes)
            splits[split] = writer.finish()
    manifest = Manifest(
        name="stripes",
        source="made",
        row_group_samples=row_group_samples(x),
        x=x,
        y=y,
        splits=splits,
    )
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


@pytest.fixture(scope="session")
def stripes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "stripes", train=1003, test=203)
