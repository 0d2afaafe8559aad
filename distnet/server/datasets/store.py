"""The folder in which a server keeps datasets.

    <sha256 of the manifest>/           manifest.json, its shards, pushed.json
    incoming/<sha256 of the manifest>/  one that is being uploaded, see `upload.py`
    removed-.../                        one that is being deleted

A dataset appears whole, by a rename. Hashes are all that callers name; the names of files come from
manifests that were checked.
"""

import os
import secrets
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from distnet.data.manifest import MANIFEST
from distnet.protocol.errors import NotFoundError
from distnet.server.datasets.capacity import Capacity, InUse
from distnet.server.datasets.catalog import Catalog
from distnet.server.datasets.disk import disk_errors, sync, unreadable
from distnet.server.datasets.space import num_bytes
from distnet.server.datasets.stored import (
    PUSHED,
    Stored,
    found_in,
    no_dataset,
    no_upload,
    read_uploaded,
    stored_of,
    used_at,
)
from distnet.server.datasets.upload import Upload

INCOMING = "incoming"
REMOVED = "removed-"


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
        self._catalog = Catalog()
        self._capacity = Capacity(folder, most_bytes, self._catalog, clock)
        self._lock = threading.RLock()
        self._making_space = threading.Lock()
        """Held until what was removed is deleted, so that the next one sees the disk without it."""

    def open(self) -> None:
        """Find what is there, and delete what a killed server was deleting."""
        self.delete_forgotten()
        self._catalog.clear()
        for stored in found_in(self.folder):
            self._catalog.add(stored, used_at(self.folder / stored.sha256))
        for stored in found_in(self.folder / INCOMING):
            folder = self._incoming(stored.sha256)
            self._catalog.uploads[stored.sha256] = Upload(folder, stored, used_at(folder))

    def __contains__(self, sha256: object) -> bool:
        return sha256 in self._catalog.whole

    def get(self, sha256: str) -> Stored:
        """A whole dataset.

        Raises:
            NotFoundError: there is none.
        """
        stored = self._catalog.whole.get(sha256)
        if stored is None:
            raise no_dataset(sha256)
        return stored

    def find(self, sha256: str) -> Stored:
        """A whole dataset, or what an upload is going to be.

        Raises:
            NotFoundError: there is none.
        """
        stored = self._catalog.find(sha256)
        if stored is None:
            raise no_dataset(sha256)
        return stored

    def all(self) -> list[Stored]:
        """All whole datasets, the last used first."""
        return self._catalog.by_use()

    def uploads(self) -> list[Upload]:
        """All uploads that are not complete, the last one that went on first."""
        uploads = list(self._catalog.uploads.values())
        return sorted(uploads, key=lambda upload: upload.used_at, reverse=True)

    @property
    def num_bytes(self) -> int:
        """Bytes of all datasets, and of what has arrived of uploads."""
        with self._lock:
            return num_bytes(self._catalog.present())

    def used_at(self, stored: Stored) -> float:
        """When a whole dataset was last used."""
        return self._catalog.used_at.get(stored.sha256, stored.pushed_at)

    def touch(self, sha256: str) -> None:
        """Remember that a dataset is used now; nothing if there is none."""
        if sha256 in self:
            now = self._clock()
            with disk_errors(), suppress(FileNotFoundError):  # removed just now
                os.utime(self.folder / sha256 / PUSHED, (now, now))
                self._catalog.used_at[sha256] = now

    def begin(self, data: bytes, sha256: str, owner: str, in_use: InUse) -> Upload | None:
        """Begin an upload, or continue it; None if the dataset is complete.

        Nothing is removed for what a manifest says, only for what arrives.

        Args:
            data: its manifest.
            sha256: of the manifest.
            owner: who uploads it.
            in_use: datasets that cannot be removed for it.

        Raises:
            InvalidError: it is not a manifest, or not that one.
            NoStorageError: there is no space for it, or there are too many.
        """
        if sha256 in self:
            self.touch(sha256)
            return None
        with disk_errors():
            if sha256 not in self._catalog.uploads:
                manifest = read_uploaded(data, sha256)
                now, size = self._clock(), len(data)
                stored = stored_of(manifest, sha256, owner, now, manifest_bytes=size)
                with self._lock:
                    self._capacity.require_space(stored, in_use)
                self._make_space(replace(stored, shards={}), size, in_use)
                self._new(stored, data)
            return self._go_on(sha256)

    def put(  # noqa: PLR0917
        self, sha256: str, shard: str, offset: int, data: bytes, in_use: InUse
    ) -> tuple[int, bool]:
        """Append a piece to a shard of an upload.

        Returns:
            Where the next piece begins; whether this one has completed the dataset.

        Raises:
            NotFoundError: there is no such upload.
            InvalidError: the piece is not one of that shard.
            NoStorageError: there is no space for it.
        """
        if (stored := self._catalog.whole.get(sha256)) is not None:
            return stored.shards.get(shard, 0), False
        upload = self._catalog.uploads.get(sha256)
        if upload is None:
            raise no_upload(sha256)
        with disk_errors():
            try:
                next_offset = self._append(upload, shard, offset, data, in_use)
            except FileNotFoundError:  # complete by another request, or removed just now
                if sha256 in self:
                    return upload.stored.shards[shard], False
                raise no_upload(sha256) from None
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
        upload = self._catalog.uploads.get(sha256)
        folder = self.folder / sha256 if upload is None else upload.folder
        self._catalog.forget(sha256)
        with disk_errors():
            folder.rename(self.folder / f"{REMOVED}{secrets.token_hex(8)}")

    def forget_upload(self, sha256: str) -> bool:
        """Forget an upload; returns whether there was one."""
        with self._lock:
            if sha256 not in self._catalog.uploads:
                return False
            self.forget(sha256)
            return True

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

    def _new(self, stored: Stored, data: bytes) -> None:
        with self._lock:
            if self._catalog.find(stored.sha256) is not None:  # another request was faster
                return
            for other in self._capacity.excess():
                self.forget(other.sha256)
            folder = self._incoming(stored.sha256)
            self._catalog.uploads[stored.sha256] = Upload.begin(folder, stored, data)

    def _go_on(self, sha256: str) -> Upload | None:
        """Continue an upload that was begun; None if it is complete."""
        with self._lock:
            upload = self._catalog.uploads.get(sha256)
            if upload is None:  # complete, or removed just now
                self.get(sha256)
                return None
            upload.touch(self._clock())
            upload.link_known(list(self._catalog.whole.values()), self.folder)
            return None if self._finish(upload) else upload

    def _append(  # noqa: PLR0917
        self, upload: Upload, shard: str, offset: int, data: bytes, in_use: InUse
    ) -> int:
        if upload.takes(shard, offset, len(data)):
            upload.touch(self._clock())
            self._make_space(upload.arrived(shard, len(data)), len(data), in_use)
        return upload.put(shard, offset, data)

    def _finish(self, upload: Upload) -> bool:
        """Rename a complete upload to its place; returns whether this call has done it."""
        sha256 = upload.stored.sha256
        if sha256 not in self._catalog.uploads or upload.missing():
            return False
        target = self.folder / sha256
        if target.exists():  # not whole when the server started, else the store would know it
            shutil.rmtree(target)
        sync(upload.folder)
        upload.folder.rename(target)
        sync(self.folder)
        self._catalog.add(upload.stored, self._clock())
        self.touch(sha256)
        return True

    def _make_space(self, wanted: Stored, growth: int, in_use: InUse) -> None:
        """Remove what has to make way for bytes that have arrived.

        Args:
            wanted: all that has arrived of the upload, these bytes included.
            growth: the number of these bytes.
            in_use: datasets that stay.
        """
        with self._lock:
            if self._capacity.fits_surely(growth):
                return
        with self._making_space:
            with self._lock:
                self._capacity.make_space(wanted, in_use, self.forget)
            self.delete_forgotten()

    def _incoming(self, sha256: str) -> Path:
        return self.folder / INCOMING / sha256
