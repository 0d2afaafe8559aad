"""Read the folder of a run, in which the job's own code may have written anything.

No symbolic link is followed, so that nothing outside of the folder is read; a name is looked up in
the folder that was opened before it, so that no rename in between matters. Source: openat(2).
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from distnet.protocol.errors import TooLargeError
from distnet.protocol.run_files import RunFile
from distnet.run_folder.copies.files import FOLDERS, is_copied, version_of

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A pipe is not waited for."""
MOST_FILES = 20_000


def list_files(folder: Path) -> Iterator[RunFile]:
    """List the files of a run that may be copied.

    Raises:
        TooLargeError: it has too many files.
        OSError: the folder cannot be read.
    """
    here = os.open(folder, FOLDER)
    try:
        yield from _below(here)
    finally:
        os.close(here)


@contextmanager
def opened(folder: Path, path: str) -> Iterator[int]:
    """Open a regular file below a folder; yields its descriptor.

    Raises:
        OSError: there is none, or a part of the path is a link.
    """
    *above, name = path.split("/")
    with ExitStack() as stack:
        here = os.open(folder, FOLDER)
        stack.callback(os.close, here)
        for part in above:
            here = os.open(part, FOLDER, dir_fd=here)
            stack.callback(os.close, here)
        file = os.open(name, FILE, dir_fd=here)
        stack.callback(os.close, file)
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(path)
        yield file


def _below(here: int) -> Iterator[RunFile]:
    num_seen = 0
    for root, folders, names, handle in os.fwalk(".", onerror=_fail, dir_fd=here):
        if root == ".":
            folders[:] = [name for name in folders if name in FOLDERS]
        num_seen += len(names) + len(folders)
        if num_seen > MOST_FILES:
            raise TooLargeError(f"found more than {MOST_FILES:,} files of this run, expected fewer")
        for name in names:
            path = f"{root}/{name}".removeprefix("./")
            facts = _facts(name, handle) if is_copied(path) else None
            if facts is not None:
                version = version_of(path, facts)
                yield RunFile(path=path, num_bytes=facts.st_size, version=version)


def _facts(name: str, handle: int) -> os.stat_result | None:
    """The facts of a regular file; None for anything else, also for one that is gone by now."""
    try:
        facts = os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return facts if stat.S_ISREG(facts.st_mode) else None


def _fail(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a checkpoint that was removed meanwhile
        raise error
