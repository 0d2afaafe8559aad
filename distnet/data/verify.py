"""Check a dataset against its manifest, sample by sample."""

import hashlib
from collections.abc import Callable, Iterator
from math import isclose
from pathlib import Path

import numpy as np

from distnet.data.manifest import MANIFEST, Input, Manifest, Shard, Target, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.statistics import Moments, Statistics
from distnet.errors import DataError

BESIDE = ("LICENSE", "LICENCE", "README")
TOLERANCE = 1e-9  # sums in another version of NumPy may round differently

OnProgress = Callable[[int, int], None]
"""Called with the shards checked so far, and how many there are."""


def verify_dataset(folder: Path, *, on_progress: OnProgress | None = None) -> list[str]:
    """Find all faults of the dataset in `folder`: digests, rows, columns, labels, statistics.

    Returns:
        One line a fault, each beginning with its file; none if the dataset is whole.
    """
    try:
        manifest = read_manifest(folder)
    except DataError as error:
        return [str(error)]
    faults = list(_extra_files(folder, manifest))
    total = sum(len(split.shards) for split in manifest.splits.values())
    done = 0
    for name, split in manifest.splits.items():
        damaged = []
        for shard in split.shards:
            damaged += _shard_faults(folder, shard)
            done += 1
            if on_progress is not None:
                on_progress(done, total)
        faults += damaged or _split_faults(folder, manifest, name)
    return faults


def _extra_files(folder: Path, manifest: Manifest) -> Iterator[str]:
    known = {shard.file for split in manifest.splits.values() for shard in split.shards}
    for path in sorted(folder.iterdir()):
        if path.name not in known | {MANIFEST} and not path.name.startswith(BESIDE):
            yield f"{path}: does not belong to the dataset; remove it"


def _shard_faults(folder: Path, shard: Shard) -> list[str]:
    path = folder / shard.file
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        num_bytes = path.stat().st_size
    except OSError as error:
        return [f"{path}: {error.strerror}"]
    if num_bytes != shard.num_bytes:
        return [f"{path}: {num_bytes} bytes, the manifest says {shard.num_bytes}"]
    if digest != shard.sha256:
        return [f"{path}: changed since it was written: sha256 {digest}, expected {shard.sha256}"]
    return []


def _split_faults(folder: Path, manifest: Manifest, name: str) -> list[str]:
    """Check what the shards of a split hold, once their bytes are as they were written."""
    place = f"{folder / MANIFEST}: splits.{name}"
    num_classes = len(manifest.y.classes)
    counts = np.zeros(num_classes, np.int64)
    statistics = Statistics(manifest.x, manifest.y)
    try:
        reader = ShardReader(folder, manifest, name)
        for index in range(reader.num_groups):
            x, y = reader.read_group(index)
            statistics.add(x, y)
            if num_classes and (y.min() < 0 or y.max() >= num_classes):
                wrong = int(y.max() if y.max() >= num_classes else y.min())
                return [f"{place}: row group {index} holds label {wrong} of {num_classes} classes"]
            if not (np.isfinite(x).all() and np.isfinite(y).all()):
                return [f"{place}: row group {index} holds numbers that are not finite"]
            counts += np.bincount(y, minlength=num_classes) if num_classes else 0
    except DataError as error:
        return [str(error)]
    faults = []
    if tuple(counts.tolist()) != manifest.splits[name].class_counts:
        faults.append(f"{place}.class_counts: the shards hold {counts.tolist()}")
    if name == "train":
        for key, part, found in (
            ("x", manifest.x, statistics.of_x()),
            ("y", manifest.y, statistics.of_y()),
        ):
            if not _are_same(part, found):
                faults.append(
                    f"{folder / MANIFEST}: {key}.mean or {key}.std is not that of the training "
                    "samples; import the dataset again"
                )
    return faults


def _are_same(expected: Input | Target, found: Moments) -> bool:
    before, now = expected.mean + expected.std, found.mean + found.std
    return len(before) == len(now) and all(
        isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        for a, b in zip(before, now, strict=True)
    )
