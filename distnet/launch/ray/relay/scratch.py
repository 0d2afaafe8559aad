"""A private folder of a worker on its node, removed at its end, or after it by the next worker."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "distnet-worker-"


class Scratch:
    """A new folder, which is locked as long as this process lives.

    Raises:
        OSError: it cannot be made.
    """

    def __init__(self) -> None:
        remove_leftovers()
        self.path, self._handle = _new_locked()

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._handle)


def remove_leftovers() -> None:
    """Remove the folders of this user's workers that were killed on this machine."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError), _locked(path):
            shutil.rmtree(path, ignore_errors=True)


def _new_locked() -> tuple[Path, int]:
    """Make a folder and lock it; a new one if others took it for a leftover before that."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX))
        with suppress(FileNotFoundError):
            handle = os.open(path, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if path.exists():
                return path, handle
            os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a folder.

    Raises:
        OSError: its owner lives, or it is another user's.
    """
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(handle)
