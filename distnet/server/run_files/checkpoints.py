"""The checkpoints of a job that keeps them in a folder outside of its run folder.

The owner of the job has named that folder. So nothing is given but checkpoints of a run of this
name, by the names that their files have, which belong to the user who wrote the run folder: what
the job's own code could have read itself. They are listed as if they were in the run folder.
"""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from distnet.protocol.run_files import RunFile
from distnet.run_folder.copies.files import CHECKPOINT, CHECKPOINTS, version_of
from distnet.server.run_files.folder import FOLDER, opened

FILES = ("weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json")
"""Of a checkpoint in a folder: see `train/checkpoint/checkpoint.py`."""
NO_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)
"""There is none, or a link."""


def list_checkpoints(folder: Path, owner: int) -> list[RunFile]:
    """List the checkpoints in a folder.

    Args:
        folder: with the checkpoints of this run only.
        owner: whose files are given, by the id of the user.

    Raises:
        OSError: the folder is not there, cannot be read, or has nothing of this owner.
    """
    steps = _steps(folder)
    paths = [f"{CHECKPOINTS}/{step}/{name}" for step in steps for name in FILES]
    found = [file for path in paths if (file := _file(folder, path, owner)) is not None]
    if steps and not found:
        raise PermissionError(errno.EPERM, "they belong to another user than the run folder")
    return found


@contextmanager
def opened_checkpoint(folder: Path, path: str, owner: int) -> Iterator[int]:
    """Open a file of a checkpoint by its path below the run folder; yields its descriptor.

    Raises:
        FileNotFoundError: there is no such file, or it belongs to another user.
        OSError: it cannot be read.
    """
    below = PurePosixPath(path).relative_to(CHECKPOINTS)
    if len(below.parts) != 2 or below.name not in FILES:
        raise FileNotFoundError(errno.ENOENT, "no file of a checkpoint")
    with opened(folder, str(below)) as file:
        if os.fstat(file).st_uid != owner:
            raise FileNotFoundError(errno.ENOENT, "it belongs to another user")
        yield file


def _file(folder: Path, path: str, owner: int) -> RunFile | None:
    """One file; None where it is not there, is a link, or belongs to another user."""
    try:
        with opened_checkpoint(folder, path, owner) as file:
            facts = os.fstat(file)
    except OSError as error:
        if error.errno in NO_FILE:
            return None
        raise
    return RunFile(path=path, num_bytes=facts.st_size, version=version_of(path, facts))


def _steps(folder: Path) -> list[str]:
    """The names of the checkpoints in a folder, which is no link."""
    here = os.open(folder, FOLDER)
    try:
        return sorted(name for name in os.listdir(here) if CHECKPOINT.fullmatch(name))
    finally:
        os.close(here)
