"""Copy a dataset to this machine, once, and use it while nobody may remove it.

Of several processes that need it, one copies and the others wait until it has. A copy that was
interrupted is continued: whole shards stay, and of the one that was on its way what has arrived. A
shard counts when it has the sha256 of the manifest, which is written last.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from distnet.data.cache.cache import Cache
from distnet.data.cache.facts import shards_of
from distnet.data.cache.lock import OnWait
from distnet.data.manifest import MANIFEST, Manifest, Shard
from distnet.errors import DataError
from distnet.run_folder.write import write_whole

PIECE_BYTES = 4 * 2**20
PARTIAL = ".partial-"
Read = Callable[[str, int, int], bytes]
"""Reads from the dataset: a shard's file, the first byte, the most bytes; empty at its end."""


@contextmanager
def fetched(
    manifest: Manifest, read: Read, cache: Cache, on_wait: OnWait = lambda: None
) -> Iterator[Path]:
    """Yield the folder of a dataset in the cache; it stays there until the end of the context.

    Args:
        manifest: of the dataset.
        read: reads its shards where they are.
        cache: that of this machine.
        on_wait: called again and again while it is copied, here or by another process.

    Raises:
        DataError: what arrives is not what the manifest says.
        OSError: the cache cannot be written.
    """
    sha256 = manifest.sha256
    entry = cache.entry(sha256)
    with cache.lock(sha256) as lock:
        lock.share(on_wait)
        while not _is_whole(entry, manifest):
            if lock.claim(on_wait, lambda: _is_whole(entry, manifest)):
                _fill(entry, manifest, read, cache, on_wait)
            lock.share(on_wait)
        lock.note_use()
        yield entry


@contextmanager
def in_use(folder: Path, cache: Cache) -> Iterator[None]:
    """Keep a dataset that was found in the cache from being removed; others need no help."""
    with ExitStack() as held:
        if folder.parent == cache.folder:
            lock = held.enter_context(cache.lock(folder.name))
            lock.share(lambda: None)
            lock.note_use()
        yield


def _fill(entry: Path, manifest: Manifest, read: Read, cache: Cache, on_wait: OnWait) -> None:
    """Copy what is missing; another process may have done so meanwhile."""
    entry.mkdir(parents=True, exist_ok=True)
    missing = [shard for shard in shards_of(manifest) if not _is_there(entry, shard)]
    cache.make_space(sum(shard.num_bytes for shard in missing))
    for shard in missing:
        _copy(entry, shard, read, on_wait)
    write_whole(entry / MANIFEST, manifest.to_json().encode())


def _copy(entry: Path, shard: Shard, read: Read, on_wait: OnWait) -> None:
    partial = entry / f"{PARTIAL}{shard.file}"
    for _ in range(2):  # what an interrupted copy has left may be damaged
        sha256 = _continue(partial, shard, read, on_wait)
        if sha256 == shard.sha256:
            partial.rename(entry / shard.file)
            return
        partial.unlink()
    raise DataError(
        f"{shard.file}: damaged where it comes from, or on its way: found sha256 {sha256}, "
        f"expected {shard.sha256}; check the dataset where the run was started: "
        "distnet data verify DATASET"
    )


def _continue(partial: Path, shard: Shard, read: Read, on_wait: OnWait) -> str:
    """Copy a shard from where its copy ends; returns the sha256 of the whole."""
    with partial.open("ab+") as file:
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256")
        position = os.fstat(file.fileno()).st_size
        while position < shard.num_bytes:
            on_wait()
            data = read(shard.file, position, min(PIECE_BYTES, shard.num_bytes - position))
            if not data:
                break
            file.write(data)
            digest.update(data)
            position += len(data)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest()


def _is_whole(entry: Path, manifest: Manifest) -> bool:
    is_known = (entry / MANIFEST).is_file()
    return is_known and all(_is_there(entry, shard) for shard in shards_of(manifest))


def _is_there(entry: Path, shard: Shard) -> bool:
    try:
        return (entry / shard.file).stat().st_size == shard.num_bytes
    except OSError:
        return False
