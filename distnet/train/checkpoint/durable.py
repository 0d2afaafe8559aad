"""Every operation by which a checkpoint reaches a disk or a store.

A commit consists of these alone, so a test can end the process at each of them in turn: the
functions in `LISTENERS` are called with a name before each operation. In use the list is empty.
"""

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

LISTENERS: list[Callable[[str], None]] = []
MANIFEST = "manifest.json"
"""The file that commits a checkpoint, wherever it is stored; written last."""
Piece = bytes | memoryview


def point(name: str) -> None:
    """Announce that the operation `name` comes next."""
    for listener in LISTENERS:
        listener(name)


class NewFile:
    """A new file, written piece by piece."""

    def __init__(self, path: Path) -> None:
        self._name = path.name
        point(f"create {self._name}")
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def write(self, piece: Piece) -> None:
        """Append a piece."""
        point(f"write {self._name}")
        _write_all(self._handle, memoryview(piece))

    def sync(self) -> None:
        """Wait until the disk has it."""
        point(f"fsync {self._name}")
        os.fsync(self._handle)

    def close(self) -> None:
        """Close the file, whole or not."""
        os.close(self._handle)


def write(path: Path, pieces: Iterable[Piece]) -> None:
    """Make a new file of `pieces`, and wait until the disk has it."""
    file = NewFile(path)
    try:
        for piece in pieces:
            file.write(piece)
        file.sync()
    finally:
        file.close()


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing; their entries are durable."""
    if path.is_dir():
        return
    make_folder(path.parent)
    point(f"mkdir {path.name}")
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)


def rename(path: Path, target: Path) -> None:
    """Rename within a folder; durable only after `sync_folder`."""
    point(f"rename {path.name}")
    path.rename(target)


def sync_folder(path: Path) -> None:
    """Wait until the disk has the folder's entries."""
    point(f"fsync {path.name}/")
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_tree(path: Path) -> None:
    """Remove a folder and the files in it, as far as that is possible."""
    with suppress(OSError):
        for file in sorted(path.iterdir()):
            point(f"unlink {file.name}")
            file.unlink()
        point(f"rmdir {path.name}")
        path.rmdir()


def _write_all(handle: int, data: memoryview) -> None:
    while data:
        data = data[os.write(handle, data) :]
