"""What the store has, in memory: whole datasets, when each was last used, and uploads."""

from collections.abc import Set
from dataclasses import dataclass, field

from distnet.server.datasets.space import num_bytes
from distnet.server.datasets.stored import Stored
from distnet.server.datasets.upload import Upload

RECENT_S = 3600.0
"""A dataset that was used so recently is not removed: a job with it may be on its way."""
UNFINISHED_S = 86_400.0
"""An upload that did not go on for this long may be removed."""
UNSTARTED_S = 600.0
"""So may one that has got no byte for this long."""


@dataclass
class Catalog:
    """Datasets and uploads by their sha256. Changes need the lock of the store, except `forget`."""

    whole: dict[str, Stored] = field(default_factory=dict)
    used_at: dict[str, float] = field(default_factory=dict)
    """When each whole dataset was last used."""
    uploads: dict[str, Upload] = field(default_factory=dict)
    _whole_bytes: int | None = None

    def __len__(self) -> int:
        return len(self.whole) + len(self.uploads)

    def clear(self) -> None:
        """Forget everything."""
        for memory in (self.whole, self.used_at, self.uploads):
            memory.clear()
        self._whole_bytes = None

    def find(self, sha256: str) -> Stored | None:
        """A whole dataset, or what an upload is going to be."""
        upload = self.uploads.get(sha256)
        return self.whole.get(sha256) if upload is None else upload.stored

    def add(self, stored: Stored, used_at: float) -> None:
        """Add a whole dataset; if it was uploaded, that has ended."""
        self.used_at[stored.sha256] = used_at
        self.whole[stored.sha256] = stored
        self.uploads.pop(stored.sha256, None)
        self._whole_bytes = None

    def forget(self, sha256: str) -> None:
        """Forget a dataset or an upload; nothing if there is none."""
        self.uploads.pop(sha256, None)
        self.whole.pop(sha256, None)
        self.used_at.pop(sha256, None)
        self._whole_bytes = None

    def by_use(self) -> list[Stored]:
        """All whole datasets, the last used first."""
        used = self.used_at
        return sorted(
            list(self.whole.values()), key=lambda s: used.get(s.sha256, 0.0), reverse=True
        )

    def present(self) -> list[Stored]:
        """All whole datasets, and of uploads what has arrived."""
        return [*list(self.whole.values()), *(u.arrived() for u in list(self.uploads.values()))]

    def most_bytes(self) -> int:
        """At least the bytes of all that is present, without a look at every shard."""
        if self._whole_bytes is None:
            self._whole_bytes = num_bytes(list(self.whole.values()))
        uploads = list(self.uploads.values())
        return self._whole_bytes + sum(u.num_received + u.stored.manifest_bytes for u in uploads)

    def abandoned(self, now: float) -> list[Stored]:
        """What has arrived of uploads that nobody continues."""
        return [
            upload.arrived()
            for upload in list(self.uploads.values())
            if upload.used_at < now - (UNFINISHED_S if upload.num_received else UNSTARTED_S)
        ]

    def removable(self, in_use: Set[str], now: float) -> list[Stored]:
        """What may be removed: uploads that nobody continues, then by the time of the last use."""
        unused = (
            stored
            for stored in reversed(self.by_use())
            if stored.sha256 not in in_use and self.used_at.get(stored.sha256, 0.0) < now - RECENT_S
        )
        return [*self.abandoned(now), *unused]
