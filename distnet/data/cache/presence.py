"""Whether this machine sees a dataset, found out without reading its shards.

Ray Train's controller imports this file, so it stands on next to nothing.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from distnet.data.cache.cache import Cache

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Presence:
    """By what a folder is known to hold a certain dataset, whole."""

    folder: str
    """Where it is on the machine that has it."""
    name: str
    num_bytes: int
    """Of all shards."""
    manifest_sha256: str
    """Of the file's bytes."""
    sha256: str
    """The identity of the data."""
    shards: tuple[tuple[str, int], ...]
    """Each shard's file and bytes."""
    is_shipped: bool = False
    """Whether the folder is a part of the installed distnet."""

    def is_cached(self, cache: Cache) -> bool:
        """Whether the cache holds a whole copy."""
        entry = cache.entry(self.sha256)
        return (entry / MANIFEST).is_file() and self._has_shards(entry)

    def find(self) -> str:
        """The folder of the dataset on this machine; empty if it is not here."""
        shipped = Path(__file__).parents[1] / Path(self.folder).name
        for folder in (Path(self.folder), *([shipped] if self.is_shipped else [])):
            if self.is_in(folder):
                return str(folder)
        return ""

    def is_in(self, folder: Path) -> bool:
        """Whether the folder has the same manifest, and all shards in their sizes."""
        try:
            manifest = (folder / MANIFEST).read_bytes()
        except OSError:
            return False
        is_same = hashlib.sha256(manifest).hexdigest() == self.manifest_sha256
        return is_same and self._has_shards(folder)

    def _has_shards(self, folder: Path) -> bool:
        try:
            return all((folder / file).stat().st_size == size for file, size in self.shards)
        except OSError:
            return False
