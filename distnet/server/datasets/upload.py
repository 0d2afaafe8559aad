"""One dataset that is being uploaded: shards grow piece by piece until their sha256 is right.

    <sha256>/manifest.json         as it was sent
    <sha256>/<shard's sha256>.part  the beginning of a shard
    <sha256>/train-00000.parquet   a shard that is complete and verified

The files say how far it is, so that it continues after the end of the client or of the server.
"""

import hashlib
import json
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Self

from distnet.data.manifest import MANIFEST
from distnet.protocol.datasets import MissingShard
from distnet.protocol.errors import InvalidError, NotFoundError
from distnet.server.datasets.disk import write
from distnet.server.datasets.stored import PUSHED, Stored


class Upload:
    """An upload, which several requests continue at a time.

    Args:
        folder: of the upload; it has the manifest.
        stored: what it is going to be.
        used_at: when it last went on.
    """

    def __init__(self, folder: Path, stored: Stored, used_at: float) -> None:
        self.folder, self.stored, self.used_at = folder, stored, used_at
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        left = {shard.sha256: shard.offset for shard in self.missing()}
        self._received = {sha256: left.get(sha256, size) for sha256, size in stored.shards.items()}

    @classmethod
    def begin(cls, folder: Path, stored: Stored, manifest: bytes) -> Self:
        """Make the folder of a new upload."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pushed = {"owner": stored.owner, "pushed_at": stored.pushed_at}
        write(folder / PUSHED, json.dumps(pushed).encode())
        write(folder / MANIFEST, manifest)  # the last: without a whole one there is no upload
        return cls(folder, stored, stored.pushed_at)

    def missing(self) -> list[MissingShard]:
        """The shards that are not complete."""
        return [
            MissingShard(sha256=sha256, offset=_size(self._part(sha256)))
            for sha256 in self.stored.shards
            if not self._has(sha256)
        ]

    @property
    def num_received(self) -> int:
        """Bytes of shards that have arrived."""
        return sum(self._received.values())

    def arrived(self, sha256: str = "", num_bytes: int = 0) -> Stored:
        """What has arrived, with more bytes of a shard that are on their way.

        The beginning of a shard is this upload's alone, a complete one may be that of others too.
        """
        sizes, whole = dict(self._received), self.stored.shards
        if sha256:
            sizes[sha256] += num_bytes
        return replace(
            self.stored,
            shards={
                shard if size == whole[shard] else f"{self.stored.sha256}/{shard}": size
                for shard, size in sizes.items()
            },
        )

    def touch(self, now: float) -> None:
        """Remember that it goes on."""
        self.used_at = now
        os.utime(self.folder / PUSHED, (now, now))

    def takes(self, sha256: str, offset: int, num_bytes: int) -> bool:
        """Whether a piece would be appended now.

        Raises:
            NotFoundError: the dataset has no such shard.
        """
        fits = offset + num_bytes <= self._whole_size(sha256)
        return fits and not self._has(sha256) and _size(self._part(sha256)) == offset

    def put(self, sha256: str, offset: int, data: bytes) -> int:
        """Append a piece to a shard; returns where the next one begins.

        Raises:
            NotFoundError: the dataset has no such shard.
            InvalidError: `too_long`; or `wrong_hash`: the shard is complete, and is not the one
                that it should be; it has to be sent again.
            OSError: it cannot be written.
        """
        size = self._whole_size(sha256)
        with self._locks[sha256]:
            if self._has(sha256):
                return size
            part = self._part(sha256)
            self._received[sha256] = present = _size(part)
            if present != offset:
                return present
            if offset + len(data) > size:
                raise InvalidError(
                    f"found {offset + len(data):,} bytes of the shard {sha256}, expected {size:,}",
                    code="too_long",
                )
            _append(part, data)
            self._received[sha256] = offset + len(data)
            if offset + len(data) == size:
                self._complete(sha256)
            return offset + len(data)

    def link_known(self, others: Iterable[Stored], store: Path) -> None:
        """Use the shards that other datasets of the store have."""
        wanted = {shard.sha256 for shard in self.missing()}
        for other in others if wanted else ():
            for sha256 in wanted & other.files.keys():
                self.link(sha256, store / other.sha256 / other.files[sha256][0])

    def link(self, sha256: str, known: Path) -> None:
        """Use a shard that another dataset of the store has, if the file system can link it."""
        with self._locks[sha256], suppress(OSError):
            if not self._has(sha256) and known.stat().st_size == self.stored.shards[sha256]:
                for file in self._files(sha256):
                    file.unlink(missing_ok=True)
                    os.link(known, file)
                self._part(sha256).unlink(missing_ok=True)
                self._received[sha256] = self.stored.shards[sha256]

    def _whole_size(self, sha256: str) -> int:
        size = self.stored.shards.get(sha256)
        if size is None:
            raise NotFoundError(f"the dataset {self.stored.sha256[:12]} has no shard {sha256}")
        return size

    def _complete(self, sha256: str) -> None:
        part = self._part(sha256)
        with part.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != sha256:
                part.unlink()
                self._received[sha256] = 0
                raise InvalidError(
                    f"{self.stored.files[sha256][0]}: found {self.stored.shards[sha256]:,} bytes "
                    f"with sha256 {found}, the manifest says {sha256}; check the dataset with "
                    "distnet data verify, then push it again",
                    code="wrong_hash",
                )
            os.fsync(file.fileno())
        first, *others = self._files(sha256)
        for other in others:
            _copy(part, other)
        part.replace(first)

    def _has(self, sha256: str) -> bool:
        size = self.stored.shards[sha256]
        return all(_size(file) == size and file.exists() for file in self._files(sha256))

    def _files(self, sha256: str) -> Iterator[Path]:
        return (self.folder / name for name in self.stored.files[sha256])

    def _part(self, sha256: str) -> Path:
        return self.folder / f"{sha256}.part"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name, or a copy where the file system has no links."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
