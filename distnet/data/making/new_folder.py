"""The folder of a new dataset: there whole, or not at all.

It is written under a hidden name beside its target, synced to the disk, and then renamed. While it
is written it is locked, so that the next import knows what a killed one has left, and removes it.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from secrets import token_hex

from distnet.data.manifest import MANIFEST
from distnet.errors import DataError


@contextmanager
def new_folder(out: Path) -> Iterator[Path]:
    """Yield a temporary folder, renamed to `out` at the end; removed on any error or Ctrl-C.

    Raises:
        DataError: it cannot be written.
    """
    target = out.resolve()
    missing = [parent for parent in target.parents if not parent.exists()]
    with ExitStack() as undo:
        try:
            for parent in reversed(missing):
                parent.mkdir()
                undo.callback(parent.rmdir)
            _remove_leftovers(target)
            folder = target.with_name(f".{target.name}.{token_hex(4)}")
            folder.mkdir()
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            with _locked(folder):
                yield folder
                _sync(folder)
                _replace(folder, target)
            _sync(target.parent)
        except OSError as error:
            raise DataError(
                f"{out}: cannot be written: {error.strerror or error}; "
                "no partial dataset was left behind; free some disk space or choose another path"
            ) from None
        undo.pop_all()


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Lock a folder until the end, or the death of this process; yield whether that worked.

    It does not where another process holds it, or where the file system has no locks.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(handle)
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_leftovers(target: Path) -> None:
    """Remove what killed imports to the same target have left."""
    name = re.compile(re.escape(f".{target.name}.") + "[0-9a-f]{8}")
    for folder in target.parent.iterdir():
        if name.fullmatch(folder.name) and folder.is_dir():
            with _locked(folder) as is_ours:
                if is_ours:
                    shutil.rmtree(folder, ignore_errors=True)


def _replace(folder: Path, target: Path) -> None:
    if not (target / MANIFEST).exists():
        folder.replace(target)  # also onto an empty folder
        return
    old = folder.with_name(folder.name + ".old")
    target.rename(old)
    try:
        folder.rename(target)
    except OSError:
        old.rename(target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
