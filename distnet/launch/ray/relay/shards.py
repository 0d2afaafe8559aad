"""The relay's hand in the dataset: its manifest, and parts of its shards."""

from pathlib import Path

from distnet.data.cache.presence import MANIFEST
from distnet.launch.ray.relay.folders import Folders
from distnet.launch.ray.relay.records import read_part


class Shards:
    """The dataset of an attempt, for nodes that do not see it.

    Args:
        folders: the attempt and its dataset.
    """

    def __init__(self, folders: Folders) -> None:
        self._folder = None if folders.dataset is None else Path(folders.dataset.folder)

    def manifest(self) -> bytes:
        """The manifest, as it is stored."""
        return (self._dataset / MANIFEST).read_bytes()

    def read(self, file: str, start: int, num_bytes: int) -> bytes:
        """A part of a shard; empty at its end."""
        return read_part(self._dataset / file, start, num_bytes)

    @property
    def _dataset(self) -> Path:
        assert self._folder is not None, "the attempt has no dataset"
        return self._folder
