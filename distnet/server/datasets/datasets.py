"""What users and attempts do with the datasets of the server."""

from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass

from distnet.protocol.datasets import (
    DatasetResponse,
    DatasetsResponse,
    PieceResponse,
    UploadResponse,
)
from distnet.protocol.errors import ConflictError, ForbiddenError, NotFoundError
from distnet.server.attempts import reports
from distnet.server.datasets.in_use import DatasetsInUse
from distnet.server.datasets.store import DatasetStore
from distnet.server.datasets.stored import Stored
from distnet.server.datasets.upload import Upload
from distnet.server.ledger.records import Role, User
from distnet.server.state.change import Change
from distnet.server.state.job_files import dataset_of
from distnet.server.state.mirror import Mirror
from distnet.spec.amounts import shown_bytes


@dataclass(frozen=True)
class Datasets:
    """The datasets of a server, and who may do what with them."""

    mirror: Mirror
    store: DatasetStore
    piece_bytes: int
    """The largest piece of an upload."""
    clock: Callable[[], float]
    in_use: DatasetsInUse

    def all(self) -> DatasetsResponse:
        """All datasets and uploads, the last used first."""
        used = self.in_use.now()
        whole = [self._response(stored, used) for stored in self.store.all()]
        uploads = [self._of_upload(upload) for upload in self.store.uploads()]
        return DatasetsResponse(
            datasets=tuple(sorted([*whole, *uploads], key=lambda one: -one.used_at)),
            num_bytes=self.store.num_bytes,
            most_bytes=self.store.most_bytes,
        )

    def get(self, sha256: str) -> DatasetResponse:
        """One dataset."""
        return self._response(self.store.get(sha256), self.in_use.now())

    def begin(self, user: User, sha256: str, manifest: bytes) -> UploadResponse:
        """Begin to upload a dataset, or continue."""
        is_new = sha256 not in self.store
        upload = self.store.begin(manifest, sha256, user.name, self.in_use.locked)
        if upload is None and is_new:
            self._note_pushed(user, sha256)
        return UploadResponse(
            is_complete=upload is None,
            missing=() if upload is None else tuple(upload.missing()),
            piece_bytes=self.piece_bytes,
        )

    def put(
        self, user: User, sha256: str, shard: str, *, offset: int, data: bytes
    ) -> PieceResponse:
        """Append a piece to a shard."""
        next_offset, is_complete = self.store.put(sha256, shard, offset, data, self.in_use.locked)
        if is_complete:
            self._note_pushed(user, sha256)
        return PieceResponse(offset=next_offset)

    def remove(self, user: User, sha256: str) -> None:
        """Remove a dataset that no open job has, or an upload that is not complete.

        Raises:
            NotFoundError: there is none.
            ForbiddenError: it belongs to another user.
            ConflictError: `in_use`.
        """
        stored = self.store.find(sha256)
        if stored.owner != user.name and user.role is not Role.ADMIN:
            raise ForbiddenError(
                f"the dataset {stored.name} belongs to {stored.owner}; only its owner or an admin "
                "can remove it"
            )
        if not self.store.forget_upload(sha256):
            self._forget_unused(stored)
        self.store.delete_forgotten()
        self._note(user, f"dataset {stored.name} ({sha256[:12]}) removed")

    def touch(self, sha256s: Iterable[str | None]) -> None:
        """Remember that datasets are used now."""
        for sha256 in {sha256 for sha256 in sha256s if sha256 is not None}:
            self.store.touch(sha256)

    def manifest_of(self, secret: str) -> bytes:
        """The manifest of the dataset of an attempt's job."""
        return self.store.read_manifest(self._of_attempt(secret))

    def piece_of(self, secret: str, shard: str, offset: int, most_bytes: int) -> bytes:
        """A piece of a shard of the dataset of an attempt's job."""
        return self.store.read(self._of_attempt(secret), shard, offset, most_bytes)

    def _of_attempt(self, secret: str) -> str:
        with self.mirror.locked():
            job, _ = reports.find(self.mirror, secret)
            sha256 = dataset_of(self.mirror, job)
        if sha256 is None:
            raise NotFoundError(f"the dataset of {job.name} is not named by its content")
        self.store.touch(sha256)
        return sha256

    def _forget_unused(self, stored: Stored) -> None:
        with self.in_use.locked() as used:
            if stored.sha256 in used:
                raise ConflictError(
                    f"the dataset {stored.name} is used by an open job or a recurring one; cancel "
                    "or remove that first",
                    code="in_use",
                )
            self.store.get(stored.sha256)  # else another request has removed it just now
            self.store.forget(stored.sha256)

    def _response(self, stored: Stored, used: Set[str]) -> DatasetResponse:
        return DatasetResponse(
            sha256=stored.sha256,
            name=stored.name,
            owner=stored.owner,
            num_samples=stored.num_samples,
            num_bytes=stored.num_bytes,
            pushed_at=stored.pushed_at,
            used_at=self.store.used_at(stored),
            is_in_use=stored.sha256 in used,
            is_complete=True,
            num_received=stored.num_bytes,
        )

    def _of_upload(self, upload: Upload) -> DatasetResponse:
        return self._response(upload.stored, frozenset()).model_copy(
            update={
                "used_at": upload.used_at,
                "is_complete": False,
                "num_received": upload.num_received,
            }
        )

    def _note_pushed(self, user: User, sha256: str) -> None:
        stored = self.store.get(sha256)
        size = shown_bytes(stored.num_bytes)
        self._note(user, f"dataset {stored.name} ({sha256[:12]}) uploaded, {size}")

    def _note(self, user: User, text: str) -> None:
        change = Change(self.clock(), is_quiet=True)
        change.event("dataset", user.name, text)
        self.mirror.change(lambda: self.mirror.commit(change))
