"""The disk of the store: durable writes, and what it refuses."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from distnet.protocol.errors import NoStorageError


@contextmanager
def disk_errors() -> Iterator[None]:
    """Say what the disk refuses.

    Raises:
        NoStorageError: it is full, or cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoStorageError(
                "the disk of the server is full; free some space there, then push the dataset "
                "again: what has arrived is kept"
            ) from None
        raise NoStorageError(
            f"the server cannot write its datasets: {error.strerror or error}; have an admin look "
            "at the folder of the datasets",
            code="storage",
        ) from None


def unreadable(error: OSError) -> NoStorageError:
    """Make the error for a dataset that is there and cannot be read."""
    return NoStorageError(
        f"the server cannot read its datasets: {error.strerror or error}; have an admin look at "
        "the folder of the datasets",
        code="storage",
    )


def write(path: Path, data: bytes) -> None:
    """Write a new file; it is on the disk when this returns."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync(folder: Path) -> None:
    """Write the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
