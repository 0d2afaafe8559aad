"""Write a file whole or not at all."""

import os
from pathlib import Path

from distnet.errors import RunError


def write_whole(path: Path, data: bytes) -> None:
    """Write `data` under a temporary name, then rename it to `path`.

    Raises:
        RunError: it cannot be written; what stood at `path` is untouched.
    """
    partial = path.with_name(f".partial-{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())  # else the rename may outlive the content in a power cut
        partial.replace(path)
    except OSError as error:
        _remove(partial)
        raise RunError(
            f"{path}: cannot be written: {error.strerror}; make room, or mend the folder's "
            "permissions, and try again"
        ) from None


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
