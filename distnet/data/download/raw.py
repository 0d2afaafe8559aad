"""The raw files of a data set: brought whole and verified, or not at all.

Downloads wait in a hidden folder beside the target until all of them are there, so that the same
command goes on after Ctrl-C, a kill or a broken connection. What is not as the catalogue says is
kept in `NAME.refused` and never used.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distnet.data.catalogue.entry import Entry
from distnet.data.catalogue.origin import MARGIN, Origin, origin_of
from distnet.data.download.arrivals import Arrivals, OnProgress
from distnet.data.download.http import PAUSES_S
from distnet.data.download.unpack import is_tar, unpack, unzip
from distnet.data.download.verify import RefusedError, fault_of
from distnet.data.download.waiting import num_arrived, waiting_folder
from distnet.data.making.new_folder import new_folder
from distnet.errors import DataError
from distnet.spec.amounts import shown_bytes


def bring(
    entry: Entry,
    raw: Path,
    *,
    mirror: str | None = None,
    on_progress: OnProgress = lambda done, total: None,
    pauses_s: tuple[float, ...] = PAUSES_S,
) -> None:
    """Bring the raw files of a data set into the folder `raw`, which does not exist.

    Args:
        entry: of the catalogue.
        raw: the folder to make.
        mirror: the address of a mirror's folder, or a folder of this machine; by default the files
            come from the publisher.
        on_progress: called after each piece.
        pauses_s: seconds before each repetition of a request that failed.

    Raises:
        RefusedError: they are not those of the catalogue.
        DataError: they cannot be had, or there is no space.
        OSError: the disk cannot be written.
    """
    origin = origin_of(entry, mirror)
    arrivals = Arrivals(waiting_folder(raw), on_progress, pauses_s)
    with _alone(entry, arrivals.folder):
        _require_space(entry, origin, arrivals)
        files = arrivals.bring(origin)
        try:
            with new_folder(raw) as folder:
                _fill(folder, entry, origin, files)
        except RefusedError as error:
            raise RefusedError(f"{error}; {arrivals.set_aside(files)}") from None
        shutil.rmtree(arrivals.folder)


@contextmanager
def _alone(entry: Entry, folder: Path) -> Iterator[None]:
    """Hold the folder where downloads wait, so that no other process writes to it."""
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        _lock(handle, f"another process fetches {entry.name} to {folder.parent}; wait for its end")
        yield
    finally:
        os.close(handle)
        with suppress(OSError):
            folder.rmdir()  # if nothing has arrived


def _lock(handle: int, otherwise: str) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DataError(otherwise) from None
    except OSError:
        pass  # a file system without locks


def _require_space(entry: Entry, origin: Origin, arrivals: Arrivals) -> None:
    left = max(0, (origin.num_bytes or entry.raw_bytes) - num_arrived(arrivals.folder, origin))
    needed = left + entry.raw_bytes
    free = shutil.disk_usage(arrivals.folder).free
    if free < needed:
        raise DataError(
            f"{arrivals.folder.parent}: found {shown_bytes(free)} of free disk space, expected "
            f"{shown_bytes(needed)}; free some, or choose another disk with --datasets"
        )


def _fill(folder: Path, entry: Entry, origin: Origin, files: list[Path]) -> None:
    """Make the raw files of the downloads."""
    most_bytes = MARGIN * entry.raw_bytes
    for wanted, file in zip(origin.downloads, files, strict=True):
        if origin.folder is None:
            target = folder / wanted.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        elif is_tar(file):
            unpack(file, folder, folder=origin.folder, needs=entry.needs, most_bytes=most_bytes)
        else:
            unzip(file, folder / next(iter(entry.files)), most_bytes=most_bytes)
    fault = None if origin.is_verified else fault_of(entry, folder)
    if fault is not None:
        raise RefusedError(f"{origin.downloads[0].address}: {fault}")
