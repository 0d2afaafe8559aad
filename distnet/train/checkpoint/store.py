"""Where checkpoints are stored: a folder, or a store behind an address such as s3://bucket/folder.

A checkpoint is a few files and a manifest, and is there as soon as its manifest is. A folder gets
it by renaming; a store without rename gets the manifest last. Secrets come from the environment.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from distnet.errors import RunError
from distnet.run_folder.paths import RunFolder
from distnet.spec.checkpoint_store import folder_of
from distnet.train.checkpoint.address import open_folder
from distnet.train.checkpoint.durable import Piece
from distnet.train.checkpoint.local_store import LocalStore
from distnet.train.checkpoint.object_store import ObjectStore, connect


class Draft(Protocol):
    """A checkpoint that is being written: it is not read before `commit`."""

    def put(self, file: str, pieces: Iterable[Piece]) -> str:
        """Write one file; returns its path below the checkpoint, for the manifest."""
        ...

    def commit(self, manifest: bytes, allow: Callable[[], None]) -> None:
        """Make it a checkpoint, unless `allow`, called just before, raises."""
        ...

    def discard(self) -> None:
        """Remove what was written, as far as that is possible."""
        ...


class Store(Protocol):
    """Checkpoints by their names, `step-00000938`."""

    def names(self) -> list[str]:
        """Those that are there, oldest first, not verified."""
        ...

    def address(self, name: str = "") -> str:
        """Where one is, for messages."""
        ...

    def read(self, name: str, file: str) -> bytes:
        """One file of one checkpoint.

        Raises:
            FileNotFoundError: it is not there.
            UnreachableError: the store does not respond, which says nothing of the checkpoint.
            OSError: it cannot be read.
        """
        ...

    def draft(self, name: str, attempt: int) -> Draft:
        """Begin to write one; everything it writes has the attempt's number."""
        ...

    def remove(self, name: str) -> None:
        """Remove one; it stops being a checkpoint as soon as this begins."""
        ...

    def set_aside(self, name: str, reason: str) -> None:
        """Keep a damaged one from being used; of several workers the first one does."""
        ...

    def has_damaged(self) -> bool:
        """Whether one was set aside."""
        ...

    def clean(self, attempt: int) -> None:
        """Remove what attempts up to this one left half-written; newer ones' is not touched."""
        ...


def open_store(store: str | None, *, run: RunFolder, job_folder: Path) -> Store:
    """Open the store of a run's checkpoints.

    Args:
        store: `checkpoint.store` of the job file.
        run: the run's folder; its name separates its checkpoints from those of other runs.
        job_folder: what a relative folder counts from.

    Raises:
        RunError: the address cannot be used.
    """
    local = open_folder(store, run=run, job_folder=job_folder)
    if local is not None:
        return local
    assert store is not None, "without an address, checkpoints are in the run folder"
    name = run.path.resolve().name
    system, path = _connect(store)
    shown = store.split("?", 1)[0].rstrip("/")
    return ObjectStore(system, f"{path}/{name}", shown=f"{shown}/{name}")


def check_store(store: str | None, *, job_folder: Path) -> None:
    """Make sure, without writing, that checkpoints can be stored there.

    Raises:
        RunError: they cannot.
    """
    if store is None:
        return
    folder = folder_of(store, job_folder)
    if folder is not None:
        LocalStore(folder).check()
        return
    system, path = _connect(store)
    ObjectStore(system, path, shown=store.split("?", 1)[0]).check()


def _connect(store: str) -> tuple[Any, str]:
    if urlsplit(store).password is not None:
        raise RunError(
            "found a password in the address, which everyone who reads the job file would see; "
            "remove it and set it in the environment, as in AWS_SECRET_ACCESS_KEY"
        )
    return connect(store)
