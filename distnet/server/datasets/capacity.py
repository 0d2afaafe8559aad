"""Whether a dataset fits into the store, and which others make way for it."""

import shutil
from collections.abc import Callable, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from distnet.protocol.errors import NoStorageError
from distnet.server.datasets.catalog import Catalog
from distnet.server.datasets.space import Space, no_space, victims
from distnet.server.datasets.stored import Stored

RESERVE_BYTES = 1_000_000_000
"""Of the disk, for run folders and the ledger."""
MOST_DATASETS = 10_000
"""Uploads included."""

InUse = Callable[[], AbstractContextManager[Set[str]]]
"""Yields the datasets of open jobs, which are not submitted as long as it is open."""


@dataclass(frozen=True)
class Capacity:
    """The limits of a store, of which the lock is held."""

    folder: Path
    most_bytes: int
    catalog: Catalog
    clock: Callable[[], float]

    def fits_surely(self, growth: int) -> bool:
        """Whether there is space for some bytes, without a look at every shard."""
        is_within = self.catalog.most_bytes() + growth <= self.most_bytes
        return is_within and growth <= self._space().free_bytes

    def require_space(self, wanted: Stored, in_use: InUse) -> None:
        """Do nothing if a dataset fits, or would if others made way for it.

        Raises:
            NoStorageError: it does not.
        """
        self.make_space(wanted, in_use, lambda _: None)

    def make_space(self, wanted: Stored, in_use: InUse, forget: Callable[[str], None]) -> None:
        """Forget what has to make way for a dataset.

        Raises:
            NoStorageError: it does not fit whatever makes way for it.
        """
        space, present = self._space(), self.catalog.present()
        if space.fits(wanted, present, present):
            return
        with in_use() as kept:
            for stored in self._victims(wanted, kept, space):
                forget(stored.sha256)

    def excess(self) -> list[Stored]:
        """The uploads that make way if there are too many datasets for one more.

        Raises:
            NoStorageError: `too_many_datasets`.
        """
        if len(self.catalog) < MOST_DATASETS:
            return []
        abandoned = self.catalog.abandoned(self.clock())
        if len(self.catalog) - len(abandoned) >= MOST_DATASETS:
            raise NoStorageError(
                f"the server has {len(self.catalog):,} datasets and uploads, the most that it can "
                "keep; remove some (distnet data stored, distnet data remove)",
                code="too_many_datasets",
            )
        return abandoned

    def _victims(self, wanted: Stored, in_use: Set[str], space: Space) -> list[Stored]:
        present = self.catalog.present()
        found = self.catalog.removable(in_use, self.clock())
        removable = [stored for stored in found if stored.sha256 != wanted.sha256]
        chosen = victims(wanted, present, removable, space)
        if chosen is None:
            left = {wanted.sha256, *(stored.sha256 for stored in removable)}
            raise no_space(wanted, [s for s in present if s.sha256 not in left], space)
        return chosen

    def _space(self) -> Space:
        self.folder.mkdir(parents=True, exist_ok=True)
        return Space(self.most_bytes, shutil.disk_usage(self.folder).free - RESERVE_BYTES)
