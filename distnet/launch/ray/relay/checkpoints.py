"""The relay's hand in the store of checkpoints, which is a folder."""

from pathlib import Path

from distnet.launch.ray.relay.folders import Folders
from distnet.launch.ray.relay.records import read_part
from distnet.run_folder.fence import require_newest
from distnet.train.checkpoint.address import open_folder
from distnet.train.checkpoint.durable import NewFile
from distnet.train.checkpoint.local_store import LocalDraft, LocalStore


class Checkpoints:
    """The store of a run's checkpoints, for workers that do not see it.

    The methods are those of a store, but take and give files in parts. One worker writes, one
    checkpoint at a time; all may read.

    Args:
        folders: the attempt and its folder.
    """

    def __init__(self, folders: Folders) -> None:
        self._folder, self._attempt = folders.run_folder, folders.attempt
        self._opened: LocalStore | None = None
        self._draft: LocalDraft | None = None
        self._file: NewFile | None = None

    def open(self, store: str | None, job_folder: str) -> str:
        """Open the store that `checkpoint.store` of the job names; returns its name in messages.

        Raises:
            RunError: the address cannot be used.
        """
        self._opened = open_folder(store, run=self._folder, job_folder=Path(job_folder))
        return self._store.address()

    def names(self) -> list[str]:
        """Those that are there, oldest first, not verified."""
        return self._store.names()

    def read(self, name: str, file: str, start: int, num_bytes: int) -> bytes:
        """A part of one file of one checkpoint; empty at its end."""
        return read_part(self._store.folder / name / file, start, num_bytes)

    def begin(self, name: str, attempt: int) -> None:
        """Begin to write a checkpoint; one that was begun before is given up."""
        self.discard()
        self._draft = self._store.draft(name, attempt)

    def create(self, file: str) -> None:
        """Begin to write one of its files."""
        self._close_file()
        self._file = self._begun.create(file)

    def write(self, piece: bytes) -> None:
        """Append a piece to that file."""
        assert self._file is not None, "no file was created"
        self._file.write(piece)

    def end(self) -> None:
        """Wait until the disk has that file."""
        assert self._file is not None, "no file was created"
        self._file.sync()
        self._close_file()

    def commit(self, manifest: bytes) -> None:
        """Make it a checkpoint, unless a newer attempt has begun.

        Raises:
            StaleAttemptError: one has.
        """
        self._begun.commit(manifest, lambda: require_newest(self._folder, self._attempt))
        self._draft = None

    def discard(self) -> None:
        """Remove what was written, as far as that is possible."""
        self._close_file()
        if self._draft is not None:
            self._draft.discard()
            self._draft = None

    def remove(self, name: str) -> None:
        """Remove one, unless a newer attempt has begun."""
        require_newest(self._folder, self._attempt)
        self._store.remove(name)

    def set_aside(self, name: str, reason: str) -> None:
        """Keep a damaged one from being used, unless a newer attempt has begun."""
        require_newest(self._folder, self._attempt)
        self._store.set_aside(name, reason)

    def has_damaged(self) -> bool:
        """Whether one was set aside."""
        return self._store.has_damaged()

    def clean(self, attempt: int) -> None:
        """Remove what attempts up to this one left half-written."""
        self._store.clean(attempt)

    @property
    def _store(self) -> LocalStore:
        assert self._opened is not None, "the store was not opened"
        return self._opened

    @property
    def _begun(self) -> LocalDraft:
        assert self._draft is not None, "no checkpoint was begun"
        return self._draft

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
