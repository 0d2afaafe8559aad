"""The cache of datasets on a machine.

    ~/.cache/distnet/datasets/
        <sha256>/           a dataset, by the identity of its manifest
        <sha256>.lock       held by those who use, fill or remove it; its time is the last use

DISTNET_CACHE_DIR names another folder than ~/.cache/distnet, XDG_CACHE_HOME one than ~/.cache.
Datasets that nobody uses are removed, the least recently used first, when all would have more than
DISTNET_CACHE_BYTES, or when the disk is full. What is used stays, whatever its size.
"""

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from distnet.data.cache.lock import Lock
from distnet.errors import DataError

FOLDER, BOUND = "DISTNET_CACHE_DIR", "DISTNET_CACHE_BYTES"
MOST_BYTES = 100 * 10**9


@dataclass(frozen=True)
class Cache:
    """A folder of datasets, and its bound."""

    folder: Path
    most_bytes: int = MOST_BYTES

    def entry(self, sha256: str) -> Path:
        """The folder of one dataset."""
        return self.folder / sha256

    def lock(self, sha256: str) -> Lock:
        """The lock of one dataset."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return Lock(self.folder / f"{sha256}.lock")

    def make_space(self, num_bytes: int) -> None:
        """Remove what nobody uses, until so many bytes more are within the bound and the disk."""
        sizes = {path.name: _size(path) for path in self.folder.iterdir() if path.is_dir()}
        for name in sorted(sizes, key=self._last_use):
            is_within = sum(sizes.values()) + num_bytes <= self.most_bytes
            if is_within and shutil.disk_usage(self.folder).free >= num_bytes:
                return
            if self._remove(name):
                del sizes[name]

    def _remove(self, name: str) -> bool:
        """Remove a dataset unless it is in use."""
        with self.lock(name) as lock:
            if not lock.try_claim():
                return False
            shutil.rmtree(self.entry(name), ignore_errors=True)
            lock.path.unlink(missing_ok=True)
        return True

    def _last_use(self, name: str) -> float:
        with suppress(OSError):
            return (self.folder / f"{name}.lock").stat().st_mtime
        return 0.0


def own_cache(environment: Mapping[str, str] = os.environ) -> Cache:
    """The cache of this machine.

    Raises:
        DataError: its bound is not a number of bytes.
    """
    users = environment.get("XDG_CACHE_HOME") or "~/.cache"
    home = Path(environment.get(FOLDER) or f"{users}/distnet").expanduser()
    bound = environment.get(BOUND) or str(MOST_BYTES)
    if not bound.isdecimal():
        raise DataError(f"{BOUND}: found {bound!r}, expected a number of bytes such as 50000000000")
    return Cache(home / "datasets", int(bound))


def _size(folder: Path) -> int:
    with suppress(OSError):
        return sum(path.stat().st_size for path in folder.iterdir())
    return 0
