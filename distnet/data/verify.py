"""Check a dataset against its manifest, sample by sample."""

import hashlib
from collections.abc import Callable, Iterator
from math import isclose
from pathlib import Path
from typing import Any

from distnet.data.making.census import Census
from distnet.data.manifest import MANIFEST, Manifest, Shard, read_manifest
from distnet.data.shards import ShardReader
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
    census = Census(manifest.fields)
    total = sum(len(split.shards) for split in manifest.splits.values())
    done = 0
    for name, split in manifest.splits.items():
        damaged = []
        for shard in split.shards:
            damaged += _shard_faults(folder, shard)
            done += 1
            if on_progress is not None:
                on_progress(done, total)
        faults += damaged or _split_faults(folder, manifest, name, census)
    return faults + list(_different_facts(folder, manifest, census))


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


def _split_faults(folder: Path, manifest: Manifest, split: str, census: Census) -> list[str]:
    """Check the content of the shards of a split, whose bytes are known to be unchanged."""
    try:
        reader = ShardReader(folder, manifest, split)
        for index in range(len(reader.groups)):
            columns = reader.read_group(index)
            for name, field in manifest.fields.items():
                fault = field.fault(columns[name])
                if fault is not None:
                    where = f"{folder / MANIFEST}: splits.{split}: row group {index}"
                    return [f"{where}: {name} holds {fault}"]
            census.add(split, columns)
    except DataError as error:
        return [str(error)]
    return []


def _different_facts(folder: Path, manifest: Manifest, census: Census) -> Iterator[str]:
    """Compare the facts of the fields with those of the samples that could be read."""
    for name, found in census.facts().items():
        field = manifest.fields[name]
        for fact, value in found.items():
            expected = getattr(field, fact)
            if isinstance(value, dict):
                expected = {split: part for split, part in expected.items() if split in value}
            if not _are_same(expected, value):
                shown = f" (found {value}, the manifest says {expected})" if value else ""
                yield (
                    f"{folder / MANIFEST}: fields.{name}.{fact} does not match the samples"
                    f"{shown}; import the dataset again"
                )


def _are_same(expected: Any, found: Any) -> bool:
    if isinstance(found, tuple) and found and isinstance(found[0], float):
        return len(expected) == len(found) and all(
            isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
            for a, b in zip(expected, found, strict=True)
        )
    return bool(expected == found)
