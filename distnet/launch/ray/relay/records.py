"""The relay's hand in the run folder: gives what a worker needs, and writes what it has written."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distnet.launch.ray.relay.folders import Folders
from distnet.run_folder.fence import require_newest
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.log import RunLog
from distnet.run_folder.write import write_whole

Requests = dict[str, bytes | None]
"""Content of the files by which others control a run; None where there is no such file."""


@dataclass(frozen=True)
class Change:
    """What a worker has written to one file."""

    name: str
    """Below the run folder."""
    data: bytes
    start: int | None = None
    """Where the bytes begin in the worker's own file, to which they were appended; None for a file
    that was written anew."""


@dataclass(frozen=True)
class Reply:
    """What a worker gets back for what it has written."""

    requests: Requests
    error: OSError | None = None
    """Why a part of it could not be written; the rest was, so that heartbeats continue."""


@dataclass(frozen=True)
class Input:
    """A file that workers need."""

    name: str
    num_bytes: int
    is_executable: bool


class Records:
    """The files of the run folder, except for checkpoints.

    Args:
        folders: the attempt and its folder.
    """

    def __init__(self, folders: Folders) -> None:
        self._folder, self._attempt = folders.run_folder, folders.attempt
        self._received: dict[tuple[int, str], int] = {}

    def inputs(self) -> list[Input]:
        """The files that a worker reads from its run folder."""
        return [self._input(path) for path in _needed(self._folder) if path.is_file()]

    def read(self, name: str, start: int, num_bytes: int) -> bytes:
        """A part of a file; empty at its end."""
        return read_part(self._folder.path / name, start, num_bytes)

    def write(self, rank: int, changes: list[Change]) -> Reply:
        """Write what a worker has written, in its order.

        A call may come a second time, after its reply was lost: then it changes nothing.

        Raises:
            StaleAttemptError: a newer attempt has begun.
        """
        self.require_newest()
        errors = [error for change in changes if (error := self._failure(rank, change))]
        paths = (self._folder.stop, self._folder.fence)
        return Reply({path.name: _content(path) for path in paths}, errors[0] if errors else None)

    def require_newest(self) -> None:
        """Check that no newer attempt has begun.

        Raises:
            StaleAttemptError: one has.
        """
        require_newest(self._folder, self._attempt)

    def note(self, text: str) -> None:
        """Append a note to the records of the run."""
        RunLog(self._folder).append({"kind": "note", "attempt": self._attempt, "text": text})

    def _failure(self, rank: int, change: Change) -> OSError | None:
        """Write one change; returns why it cannot be written."""
        path = self._folder.path / change.name
        try:
            if change.start is not None:
                self._append(path, rank, change, change.start)
            elif path.parent == self._folder.heartbeats:
                _update(path, change.data)
            else:
                write_whole(path, change.data)
        except OSError as error:
            return error
        return None

    def _append(self, path: Path, rank: int, change: Change, start: int) -> None:
        have = self._received.setdefault((rank, change.name), start)
        rest = memoryview(change.data)[max(have - start, 0) :]
        path.parent.mkdir(exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            while rest:
                written = os.write(handle, rest)
                self._received[rank, change.name] += written
                rest = rest[written:]
        finally:
            os.close(handle)

    def _input(self, path: Path) -> Input:
        name, facts = path.relative_to(self._folder.path).as_posix(), path.stat()
        return Input(name, facts.st_size, bool(facts.st_mode & 0o100))


def read_part(path: Path, start: int, num_bytes: int) -> bytes:
    """A part of a file; empty at its end."""
    with path.open("rb") as file:
        file.seek(start)
        return file.read(num_bytes)


def _needed(folder: RunFolder) -> Iterator[Path]:
    yield from (folder.job, folder.plan, folder.environment, folder.data_manifest)
    yield from (folder.metrics, folder.fence, folder.stop)
    if not RunLog(folder).saved_step:  # else training resumes from a checkpoint
        yield folder.start
    yield from sorted(folder.code.rglob("*"))


def _update(path: Path, data: bytes) -> None:
    """Write a small file, a few times a second: in place, which a full disk allows, too."""
    path.parent.mkdir(exist_ok=True)
    if path.is_file() and path.stat().st_size == len(data):
        with path.open("r+b", buffering=0) as file:
            file.write(data)
        return
    partial = path.with_name(f".{path.name}-relayed")
    partial.write_bytes(data)
    partial.replace(path)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None
