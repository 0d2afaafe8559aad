"""From raw files to a dataset, in one go or not at all.

A dataset is written to a hidden folder beside its place, synced to the disk, its manifest last,
and then renamed. The same input gives the same bytes: rows keep the order of the source, and a
test split is cut out by a hash of each sample, so that a sample stays on its side when others
are added, and copies of one never end up on both.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any

import numpy as np

from distnet.data.manifest import MANIFEST, Manifest, Split
from distnet.data.shard_writer import ShardWriter
from distnet.data.shards import Array, row_group_samples
from distnet.data.sources.source import Chunk, RawData, detect_kind, read_source
from distnet.data.statistics import Statistics
from distnet.errors import DataError

OnProgress = Callable[[int, int | None], None]
"""Called with the samples written so far, and how many there are where that is known."""


def import_dataset(
    source: Path,
    out: Path,
    *,
    kind: str | None = None,
    licence: str = "unknown",
    test_fraction: float = 0.2,
    force: bool = False,
    options: Mapping[str, Any] | None = None,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Make the dataset `out` of the raw files at `source`.

    Args:
        source: a file or folder.
        out: the folder to make.
        kind: of the source; else found out by looking.
        licence: of the data, for the manifest.
        test_fraction: the part of the samples set aside as `test` where the source has one split.
        force: replace a dataset that is there.
        options: of the source, such as `target` or `size`; those that are None are left out.
        on_progress: told about each chunk of samples.

    Raises:
        DataError: the source is at fault, or `out` is taken or cannot be written. Nothing is
            left behind then.
        UnknownPartError: there is no such kind of source.
    """
    if not 0 <= test_fraction < 1:
        raise DataError(f"--test-fraction is {test_fraction}, expected 0 or more and below 1")
    _check_free(out, force=force)
    found = kind or detect_kind(source)
    data = read_source(source, found, options or {})
    with _new_folder(out) as folder:
        return write_dataset(
            folder,
            data,
            name=out.resolve().name,
            source=f"{found}: {source.resolve().name}",
            licence=licence,
            test_fraction=test_fraction,
            on_progress=on_progress,
        )


def write_dataset(
    folder: Path,
    data: RawData,
    *,
    name: str,
    source: str,
    licence: str,
    test_fraction: float,
    on_progress: OnProgress | None = None,
) -> Manifest:
    """Write shards and manifest into the empty `folder`.

    Raises:
        DataError: the source is at fault.
        OSError: the disk is full or cannot be written.
    """
    statistics = Statistics(data.x, data.y)
    splits = _write_splits(folder, data, statistics, test_fraction, on_progress)
    num_samples = sum(split.num_samples for split in splits.values())
    for split, written in splits.items():
        if written.num_samples == 0:
            raise DataError(
                f"{source}: too few samples for a {split} split ({num_samples} in all); "
                "change --test-fraction, or give 0 for no test split"
            )
    manifest = Manifest(
        name=name,
        source=source,
        licence=licence,
        row_group_samples=row_group_samples(data.x),
        x=data.x.model_copy(update=asdict(statistics.of_x())),
        y=data.y.model_copy(update=asdict(statistics.of_y())),
        splits=splits,
    )
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())
    return manifest


def _write_splits(
    folder: Path,
    data: RawData,
    statistics: Statistics,
    test_fraction: float,
    on_progress: OnProgress | None,
) -> dict[str, Split]:
    names = _split_names(data, test_fraction)
    done = 0
    with ExitStack() as stack:
        writers = {name: ShardWriter(folder, name, x=data.x, y=data.y) for name in names}
        for writer in writers.values():
            stack.enter_context(writer)
        writers["train"].observe = statistics.add
        for name, chunk in _parts(data, names, test_fraction):
            writers[name].write(chunk.x, chunk.y)
            done += len(chunk.x)
            if on_progress is not None:
                on_progress(done, data.num_samples)
        return {name: writer.finish() for name, writer in writers.items()}


def _split_names(data: RawData, test_fraction: float) -> list[str]:
    if len(data.splits) > 1:
        return list(data.splits)
    return ["train", "test"] if test_fraction else ["train"]


def _parts(data: RawData, names: list[str], test_fraction: float) -> Iterator[tuple[str, Chunk]]:
    for split, chunks in data.splits.items():
        for chunk in chunks():
            if len(data.splits) > 1:
                yield split, chunk
                continue
            is_test = _is_test(chunk.x, test_fraction)
            for name in names:
                chosen = is_test if name == "test" else ~is_test
                yield name, Chunk(chunk.x[chosen], chunk.y[chosen])


def _is_test(x: Array, fraction: float) -> Array:
    limit = int(fraction * 2**64)
    rows = np.ascontiguousarray(x)
    hashes = (blake2b(row.tobytes(), digest_size=8).digest() for row in rows)
    return np.array([int.from_bytes(digest, "little") < limit for digest in hashes], bool)


def _check_free(out: Path, *, force: bool) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not (out / MANIFEST).is_file():
        raise DataError(f"{out}: exists and is no dataset; choose another place")
    if not force:
        raise DataError(f"{out}: there is a dataset already; replace it with --force")


@contextmanager
def _new_folder(out: Path) -> Iterator[Path]:
    """Give a temporary folder that becomes `out`, or vanishes on any error or Ctrl-C."""
    target = out.resolve()
    missing = [parent for parent in target.parents if not parent.exists()]
    with ExitStack() as undo:
        try:
            for parent in reversed(missing):
                parent.mkdir()
                undo.callback(parent.rmdir)
            folder = target.with_name(f".{target.name}.{token_hex(4)}")
            folder.mkdir()
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            yield folder
            _sync(folder)
            _replace(folder, target)
            _sync(target.parent)
        except OSError as error:
            raise DataError(
                f"{out}: cannot be written: {error.strerror or error}; "
                "nothing was left behind; free some space or choose another place"
            ) from None
        undo.pop_all()


def _replace(folder: Path, target: Path) -> None:
    if not (target / MANIFEST).exists():
        folder.replace(target)  # also onto an empty folder
        return
    old = folder.with_name(folder.name + ".old")
    target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
