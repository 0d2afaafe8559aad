"""Unpack the job's own files: a zip archive of a user, which is untrusted.

Sizes and names in it may be anything. Paths must stay in the folder; links and devices are refused;
the size is counted while unpacking, whatever the headers say.
"""

import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO

from distnet.errors import DataError
from distnet.spec.code.modes import make_executable
from distnet.spec.code.names import can_travel

MOST_ENTRIES = 20_000
MOST_BYTES = 200_000_000
MOST_RATIO = 1_100
"""Zip compresses by a factor of at most 1,032; entries of a zip bomb overlap."""
PIECE_BYTES = 2**20
UNIX_MODE = 16
EXECUTABLE = 0o111


PACKED_BY = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted; and NotImplementedError
    IndexError,
    OverflowError,
)
"""What `zipfile` raises for damaged archives."""


def unpack(data: bytes, folder: Path) -> None:
    """Unpack the zip archive `data` into `folder`, which exists and is empty.

    Raises:
        DataError: the archive is damaged, too large, or has entries that are not allowed.
        OSError: the folder is not writable.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            _refuse_large(entries, len(data))
            left = MOST_BYTES
            for entry in entries:
                left -= _unpack(archive, entry, folder, left)
    except DAMAGES as error:
        raise _refused(f"it is not a complete zip archive ({error})") from None


def _unpack(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int) -> int:
    """Unpack one entry; returns its size."""
    path = folder.joinpath(*_parts(entry))
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        raise _refused(f"it contains {entry.filename!r} twice")
    with archive.open(entry) as source, path.open("xb") as target:
        size = _copy(source, target, left)
    if entry.external_attr >> UNIX_MODE & EXECUTABLE:
        make_executable(path)
    return size


def _copy(source: IO[bytes], target: IO[bytes], left: int) -> int:
    """Copy an entry, and count its bytes; the size in its header may be wrong."""
    size = 0
    while piece := source.read(PIECE_BYTES):
        size += len(piece)
        if size > left:
            raise _refused(f"it unpacks to more than {MOST_BYTES:,} bytes")
        target.write(piece)
    return size


def _refuse_large(entries: list[zipfile.ZipInfo], packed: int) -> None:
    if len(entries) > MOST_ENTRIES:
        raise _refused(f"it contains {len(entries):,} files, expected at most {MOST_ENTRIES:,}")
    size = sum(entry.file_size for entry in entries)
    if size > MOST_BYTES:
        raise _refused(f"it unpacks to {size:,} bytes, expected at most {MOST_BYTES:,}")
    if size > packed * MOST_RATIO:
        raise _refused(f"{packed:,} bytes cannot unpack to {size:,} bytes as its headers say")


def _parts(entry: zipfile.ZipInfo) -> tuple[str, ...]:
    """The parts of the path; refuses a path that leads out of the folder."""
    name = entry.filename
    mode = entry.external_attr >> UNIX_MODE
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise _refused(f"{name!r} is a link or a device, expected regular files and folders")
    if entry.compress_type not in PACKED_BY:
        raise _refused(f"{name!r} has an unsupported compression, expected stored or deflated")
    if not can_travel(name):
        raise _refused(f"{name[:100]!r} is not a valid relative path")
    return PurePosixPath(name).parts


def _refused(why: str) -> DataError:
    return DataError(
        f"the archive with the job's own files is refused: {why}; submit the job again"
    )
