"""Datasets that are copied to a machine once, by content."""

import errno
import fcntl
import os
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from distnet.data.cache.cache import Cache, own_cache
from distnet.data.cache.facts import presence_of
from distnet.data.cache.fetch import Read, fetched, in_use
from distnet.data.manifest import MANIFEST, Manifest, read_manifest
from distnet.errors import DataError
from tests.datasets import write_dataset

PIECE = 1000
Flock = Callable[[int, int], None]
os_close = os.close


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "stripes", train=203, test=53)


@pytest.fixture
def manifest(source: Path) -> Manifest:
    return read_manifest(source)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "datasets")


class Reader:
    """Reads from a folder in small pieces, and counts the bytes."""

    def __init__(self, folder: Path, most: int | None = None) -> None:
        self._folder, self._left = folder, most
        self.num_bytes: Counter[str] = Counter()

    def __call__(self, file: str, start: int, size: int) -> bytes:
        if self._left is not None and self.num_bytes.total() > self._left:
            raise ConnectionError("the link is cut")
        data = (self._folder / file).read_bytes()[start : start + min(size, PIECE)]
        self.num_bytes[file] += len(data)
        return data


def same_files(folder: Path, source: Path, manifest: Manifest) -> bool:
    files = [shard.file for split in manifest.splits.values() for shard in split.shards]
    return all((folder / file).read_bytes() == (source / file).read_bytes() for file in files)


def test_a_dataset_is_copied_once_and_is_a_dataset(source, manifest, cache) -> None:
    read = Reader(source)

    for _ in range(2):
        with fetched(manifest, read, cache) as folder:
            assert folder == cache.folder / manifest.sha256
            assert same_files(folder, source, manifest)
            assert read_manifest(folder).sha256 == manifest.sha256

    assert read.num_bytes.total() == presence_of(source).num_bytes


def test_an_interrupted_copy_is_continued(source, manifest, cache) -> None:
    broken, read = Reader(source, most=10_000), Reader(source)
    with pytest.raises(ConnectionError), fetched(manifest, broken, cache):
        pass

    with fetched(manifest, read, cache) as folder:
        assert same_files(folder, source, manifest)

    assert broken.num_bytes.total() + read.num_bytes.total() == presence_of(source).num_bytes


def test_a_copy_that_was_damaged_on_its_way_is_copied_again(source, manifest, cache) -> None:
    broken = Reader(source, most=10_000)
    with pytest.raises(ConnectionError), fetched(manifest, broken, cache):
        pass
    (partial,) = cache.entry(manifest.sha256).glob(".partial-*")
    partial.write_bytes(b"x" + partial.read_bytes()[1:])

    with fetched(manifest, Reader(source), cache) as folder:
        assert same_files(folder, source, manifest)


def test_what_is_not_what_the_manifest_says_is_refused(source, manifest, cache) -> None:
    def read(file: str, start: int, size: int) -> bytes:
        return bytes(min(size, PIECE))

    with (
        pytest.raises(DataError, match="found sha256 .*, expected"),
        fetched(manifest, read, cache),
    ):
        pass

    assert not (cache.entry(manifest.sha256) / MANIFEST).exists()


def test_of_several_that_need_it_one_copies(source, manifest, cache) -> None:
    read, found, waits = Reader(source), [], []

    def use() -> None:
        with fetched(manifest, read, cache, on_wait=lambda: waits.append(1)) as folder:
            found.append(same_files(folder, source, manifest))

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [True] * 3
    assert read.num_bytes.total() == presence_of(source).num_bytes


def after_both_share(flock: Flock) -> Flock:
    """Let two threads go on after their first lock only when both have it."""
    both, known = threading.Barrier(2, timeout=30), set()

    def lock(handle: int, how: int) -> None:
        flock(handle, how)
        if threading.get_ident() not in known:
            known.add(threading.get_ident())
            both.wait()

    return lock


class NfsLocks:
    """`fcntl.flock` as on NFS: who shares does so until the file is held alone, or closed."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._held: dict[int, int] = {}
        self._claiming: set[int] = set()

    def flock(self, handle: int, how: int) -> None:
        how &= ~fcntl.LOCK_NB
        with self._guard:
            others = {held for one, held in self._held.items() if one != handle}
            if others and fcntl.LOCK_EX in {how, *others}:
                self._claiming |= self._held.keys() & {handle}
                if self._claiming == self._held.keys():
                    raise OSError(errno.EDEADLK, "they wait for each other")
                raise BlockingIOError
            self._held[handle] = how

    def close(self, handle: int) -> None:
        with self._guard:
            self._held.pop(handle, None)
            os_close(handle)


@pytest.mark.parametrize("is_nfs", [False, True])
def test_two_that_share_it_before_it_is_there_use_it_together(
    source, manifest, cache, monkeypatch, is_nfs
) -> None:
    locks, read, both_use = NfsLocks(), Reader(source), threading.Barrier(2, timeout=30)
    monkeypatch.setattr(fcntl, "flock", after_both_share(locks.flock if is_nfs else fcntl.flock))
    monkeypatch.setattr(os, "close", locks.close)

    def use_together() -> None:
        with fetched(manifest, read, cache):
            both_use.wait()

    with ThreadPoolExecutor(2) as threads:
        for one in [threads.submit(use_together) for _ in range(2)]:
            one.result()

    assert read.num_bytes.total() == presence_of(source).num_bytes


def renamed(manifest: Manifest, rows: int) -> Manifest:
    """Another dataset with the same shards: its identity differs."""
    field = manifest.fields["x"].model_copy(update={"mean": (float(rows),)})
    return manifest.model_copy(update={"fields": {**manifest.fields, "x": field}})


def use(cache: Cache, manifest: Manifest, read: Read) -> None:
    with fetched(manifest, read, cache):
        pass


def test_beyond_its_bound_the_least_recently_used_goes(source, manifest, cache) -> None:
    num_bytes = presence_of(source).num_bytes
    bounded = Cache(cache.folder, most_bytes=int(2.5 * num_bytes))
    first, second, third = (renamed(manifest, rows) for rows in (1, 2, 3))
    use(bounded, first, Reader(source))
    use(bounded, second, Reader(source))
    use(bounded, first, Reader(source))

    use(bounded, third, Reader(source))

    left = {path.name for path in cache.folder.iterdir() if path.is_dir()}
    assert left == {first.sha256, third.sha256}
    assert not (cache.folder / f"{second.sha256}.lock").exists()


def test_what_is_in_use_is_never_removed(source, manifest, cache) -> None:
    bounded = Cache(cache.folder, most_bytes=1)
    first, second = renamed(manifest, 1), renamed(manifest, 2)

    with fetched(first, Reader(source), bounded) as folder:
        use(bounded, second, Reader(source))
        assert same_files(folder, source, manifest)
    use(bounded, manifest, Reader(source))

    assert not folder.exists()


def test_what_was_found_in_the_cache_stays_while_it_is_used(source, manifest, cache) -> None:
    bounded = Cache(cache.folder, most_bytes=1)
    first, second = renamed(manifest, 1), renamed(manifest, 2)
    use(bounded, first, Reader(source))

    with in_use(bounded.entry(first.sha256), bounded), in_use(source, bounded):
        use(bounded, second, Reader(source))
        assert same_files(bounded.entry(first.sha256), source, manifest)
    use(bounded, manifest, Reader(source))

    assert not bounded.entry(first.sha256).exists()


def test_a_machine_sees_a_dataset_by_its_manifest_and_shards(source, manifest, cache, tmp_path):
    presence = presence_of(source)
    other = tmp_path / "other"
    other.mkdir()

    assert presence.find() == str(source)
    assert not presence.is_in(other)
    (other / MANIFEST).write_bytes((source / MANIFEST).read_bytes())
    assert not presence.is_in(other)
    assert not presence.is_cached(cache)
    use(cache, manifest, Reader(source))
    assert presence.is_cached(cache)


def test_the_environment_sets_folder_and_bound() -> None:
    cache = own_cache({"DISTNET_CACHE_DIR": "/data/cache", "DISTNET_CACHE_BYTES": "5000"})

    assert cache == Cache(Path("/data/cache/datasets"), 5000)
    assert own_cache({"XDG_CACHE_HOME": "/c"}).folder == Path("/c/distnet/datasets")
    with pytest.raises(DataError, match="DISTNET_CACHE_BYTES: found '5 GB', expected a number"):
        own_cache({"DISTNET_CACHE_BYTES": "5 GB"})
