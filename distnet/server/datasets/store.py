"""The folder in which a server keeps datasets.

    <sha256 of the manifest>/           manifest.json, its shards, pushed.json
    incoming/<sha256 of the manifest>/  one that is being uploaded, see `upload.py`
    removed-.../                        one that is being deleted

A dataset appears whole, by a rename. Hashes are all that callers name; the names of files come from
manifests that were checked.
"""

import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Callable, Iterator, Set
from contextlib import AbstractContextManager
from pathlib import Path

from distnet.data.manifest import MANIFEST
from distnet.protocol.errors import NotFoundError
from distnet.server.datasets.disk import disk_errors, sync, unreadable, write
from distnet.server.datasets.space import Space, no_space, num_bytes, victims
from distnet.server.datasets.stored import PUSHED, Stored, read_stored, read_uploaded, stored_of
from distnet.server.datasets.upload import Upload

INCOMING = "incoming"
REMOVED = "removed-"
SHA256 = re.compile(r"[0-9a-f]{64}")
RESERVE_BYTES = 1_000_000_000
"""Of the disk, for run folders and the ledger."""
RECENT_S = 3600.0
"""A dataset that was used so recently is not removed: a job with it may be on its way."""
UNFINISHED_S = 86_400.0
"""An upload that did not go on for this long may be removed."""

InUse = Callable[[], AbstractContextManager[Set[str]]]
"""Yields the datasets of open jobs, which are not submitted as long as it is open."""


class DatasetStore:
    """Datasets by the sha256 of their manifest.

    Args:
        folder: where they are; it is made when it is needed.
        most_bytes: the limit for all of them together.
        clock: Unix time.
    """

    def __init__(self, folder: Path, *, most_bytes: int, clock: Callable[[], float]) -> None:
        self.folder, self.most_bytes = folder, most_bytes
        self._clock = clock
        self._stored: dict[str, Stored] = {}
        self._uploads: dict[str, Upload] = {}
        self._lock = threading.RLock()

    def open(self) -> None:
        """Find what is there, and delete what a killed server was deleting."""
        self.delete_forgotten()
        self._stored = {stored.sha256: stored for stored in _found(self.folder)}
        uploads = (Upload(self._incoming(s.sha256), s) for s in _found(self.folder / INCOMING))
        self._uploads = {upload.stored.sha256: upload for upload in uploads}

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._stored

    def get(self, sha256: str) -> Stored:
        """A whole dataset.

        Raises:
            NotFoundError: there is none.
        """
        stored = self._stored.get(sha256)
        if stored is None:
            raise NotFoundError(f"there is no dataset {sha256}; list them with: distnet data list")
        return stored

    def all(self) -> list[Stored]:
        """All whole datasets, the last used first."""
        return sorted(list(self._stored.values()), key=self.used_at, reverse=True)

    @property
    def num_bytes(self) -> int:
        """Bytes of all datasets and uploads."""
        with self._lock:
            return num_bytes(self._present())

    def used_at(self, stored: Stored) -> float:
        """When a dataset was last used."""
        try:
            return (self.folder / stored.sha256 / PUSHED).stat().st_mtime
        except OSError:
            return 0.0

    def touch(self, sha256: str) -> None:
        """Remember that a dataset is used now; nothing if there is none."""
        if sha256 in self._stored:
            now = self._clock()
            with disk_errors():
                os.utime(self.folder / sha256 / PUSHED, (now, now))

    def begin(self, data: bytes, sha256: str, owner: str, in_use: InUse) -> Upload | None:
        """Begin an upload, or continue it; None if the dataset is complete.

        Args:
            data: its manifest.
            sha256: of the manifest.
            owner: who uploads it.
            in_use: datasets that cannot be removed for it.

        Raises:
            InvalidError: it is not a manifest, or not that one.
            NoStorageError: there is no space for it.
        """
        with self._lock, disk_errors():
            if sha256 in self._stored:
                self.touch(sha256)
                return None
            upload = self._uploads.get(sha256)
            if upload is None:
                manifest = read_uploaded(data, sha256)
                stored = stored_of(manifest, sha256, owner, self._clock())
                self._make_space(stored, in_use)
                upload = self._uploads[sha256] = self._new(stored, data)
            self._link_known(upload)
            is_complete = self._finish(upload)
        self.delete_forgotten()
        return None if is_complete else upload

    def put(self, sha256: str, shard: str, offset: int, data: bytes) -> tuple[int, bool]:
        """Append a piece to a shard of an upload.

        Returns:
            Where the next piece begins; whether this one has completed the dataset.

        Raises:
            NotFoundError: there is no such upload.
            InvalidError: the piece is not one of that shard.
            NoStorageError: the disk is full.
        """
        if sha256 in self._stored:
            return self._stored[sha256].shards.get(shard, 0), False
        upload = self._uploads.get(sha256)
        if upload is None:
            raise NotFoundError(
                f"there is no upload of the dataset {sha256}; begin it again: distnet data push"
            )
        with disk_errors():
            next_offset = upload.put(shard, offset, data)
            if next_offset < upload.stored.shards[shard]:
                return next_offset, False
            with self._lock:
                return next_offset, self._finish(upload)

    def read(self, sha256: str, shard: str, offset: int, most_bytes: int) -> bytes:
        """Read a piece of a shard.

        Raises:
            NotFoundError: there is no such dataset or shard.
            NoStorageError: the disk cannot be read.
        """
        names = self.get(sha256).files.get(shard)
        if names is None:
            raise NotFoundError(f"the dataset {sha256[:12]} has no shard {shard}")
        return self._read(sha256, names[0], offset, most_bytes)

    def read_manifest(self, sha256: str) -> bytes:
        """Read the manifest of a dataset, as it was uploaded.

        Raises:
            NotFoundError: there is no such dataset.
            NoStorageError: the disk cannot be read.
        """
        self.get(sha256)
        return self._read(sha256, MANIFEST, 0, -1)

    def forget(self, sha256: str) -> None:
        """Forget a dataset or an upload; its folder is deleted later."""
        upload = self._uploads.pop(sha256, None)
        folder = self.folder / sha256 if upload is None else upload.folder
        self._stored.pop(sha256, None)
        with disk_errors():
            folder.rename(self.folder / f"{REMOVED}{secrets.token_hex(8)}")

    def delete_forgotten(self) -> None:
        """Delete what was forgotten; it takes a while, so that nothing is locked meanwhile."""
        for path in self.folder.glob(f"{REMOVED}*"):
            shutil.rmtree(path, ignore_errors=True)

    def _read(self, sha256: str, name: str, offset: int, most_bytes: int) -> bytes:
        try:
            with (self.folder / sha256 / name).open("rb") as file:
                file.seek(offset)
                return file.read(most_bytes)
        except FileNotFoundError:  # removed just now
            raise NotFoundError(f"there is no dataset {sha256}") from None
        except OSError as error:  # may pass: an attempt repeats this, and not the one above
            raise unreadable(error) from None

    def _new(self, stored: Stored, data: bytes) -> Upload:
        folder = self._incoming(stored.sha256)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        pushed = {"owner": stored.owner, "pushed_at": stored.pushed_at}
        write(folder / PUSHED, json.dumps(pushed).encode())
        write(folder / MANIFEST, data)  # the last: without a whole one there is no upload
        return Upload(folder, stored)

    def _finish(self, upload: Upload) -> bool:
        """Rename a complete upload to its place; returns whether this call has done it."""
        sha256 = upload.stored.sha256
        if sha256 not in self._uploads or upload.missing():
            return False
        target = self.folder / sha256
        if target.exists():  # not whole when the server started, else the store would know it
            shutil.rmtree(target)
        sync(upload.folder)
        upload.folder.rename(target)
        sync(self.folder)
        del self._uploads[sha256]
        self._stored[sha256] = upload.stored
        self.touch(sha256)
        return True

    def _link_known(self, upload: Upload) -> None:
        wanted = {shard.sha256 for shard in upload.missing()}
        for stored in list(self._stored.values()) if wanted else ():
            for sha256 in wanted & stored.files.keys():
                upload.link(sha256, self.folder / stored.sha256 / stored.files[sha256][0])

    def _make_space(self, wanted: Stored, in_use: InUse) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        space = self._space()
        if space.fits(wanted, self._present(), self._present()):
            return
        with in_use() as kept:
            present, removable = self._present(), self._removable(kept)
            chosen = victims(wanted, present, removable, space)
            if chosen is None:
                raise no_space(wanted, [s for s in present if s not in removable], space)
            for stored in chosen:
                self.forget(stored.sha256)

    def _space(self) -> Space:
        left = sum(upload.num_bytes_left for upload in self._uploads.values())
        free = shutil.disk_usage(self.folder).free - RESERVE_BYTES - left
        return Space(self.most_bytes, free)

    def _removable(self, in_use: Set[str]) -> list[Stored]:
        """What may be removed: uploads that nobody continues, then by the time of the last use."""
        now = self._clock()
        uploads = [u for u in self._uploads.values() if u.used_at < now - UNFINISHED_S]
        unused = [
            stored
            for stored in reversed(self.all())
            if stored.sha256 not in in_use and self.used_at(stored) < now - RECENT_S
        ]
        return [*(upload.stored for upload in uploads), *unused]

    def _present(self) -> list[Stored]:
        return [*self._stored.values(), *(upload.stored for upload in self._uploads.values())]

    def _incoming(self, sha256: str) -> Path:
        return self.folder / INCOMING / sha256


def _found(folder: Path) -> Iterator[Stored]:
    """The datasets in a folder that have a manifest."""
    names = os.listdir(folder) if folder.is_dir() else []
    found = (read_stored(folder / name) for name in names if SHA256.fullmatch(name))
    return (stored for stored in found if stored is not None)
