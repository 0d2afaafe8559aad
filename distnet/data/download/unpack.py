"""Unpack the raw files of a data set from an archive, which is not trusted.

Only files that the catalogue names are written, each by its checked path and with plain
permissions. Links and devices are refused. What is read is counted, whatever the headers say.
"""

import gzip
import lzma
import tarfile
import zlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from distnet.data.download.verify import RefusedError
from distnet.spec.amounts import shown_bytes
from distnet.spec.code.names import can_travel

MOST_ENTRIES = 200_000
MOST_BYTES = 4_000_000_000
"""Of all entries of an archive, also of those that are skipped."""
PIECE_BYTES = 2**20
DAMAGES = (tarfile.TarError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, EOFError)
"""What damaged archives raise."""


def is_tar(file: Path) -> bool:
    """Whether a file is a tar archive, by its name."""
    return ".tar" in file.suffixes or file.suffix == ".tgz"


def unpack(
    archive: Path, out: Path, *, folder: str, needs: Callable[[str], bool], most_bytes: int
) -> None:
    """Unpack files of a tar archive into the empty folder `out`.

    Args:
        archive: tar, as it is or compressed with gzip, bzip2 or xz.
        out: where they are written.
        folder: of the archive, in which they are; at its top, if it has no such folder. `*` stands
            for one name.
        needs: whether a file is written, by its path from there on.
        most_bytes: of what is written.

    Raises:
        RefusedError: the archive is damaged, too large, or has entries that are not allowed.
        OSError: `out` cannot be written.
    """
    try:
        if not _unpack(archive, out, folder, needs, most_bytes) and folder:
            _unpack(archive, out, "", needs, most_bytes)
    except DAMAGES as error:
        raise RefusedError(f"{archive}: is not a complete tar archive ({error})") from None


def unzip(file: Path, out: Path, *, most_bytes: int) -> None:
    """Unpack a single file in gzip's form into the file `out`.

    Raises:
        RefusedError: it is damaged, or too large.
        OSError: `out` cannot be written.
    """
    try:
        with gzip.open(file) as source:
            _copy(source, out, most_bytes)
    except DAMAGES as error:
        raise RefusedError(f"{file}: is not a complete file of gzip ({error})") from None


def _unpack(
    archive: Path, out: Path, folder: str, needs: Callable[[str], bool], most_bytes: int
) -> bool:
    """Unpack in one pass, as compressed archives have no way back; returns whether `folder` is."""
    is_there, left = False, most_bytes
    with tarfile.open(archive) as tar:
        for entry in _entries(tar, archive):
            path = _inside(entry.name, folder)
            is_there = is_there or path is not None
            if path is not None and needs(path) and not entry.isdir():
                left -= _write(tar, entry, out, path, left)
    return is_there


def _entries(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """The entries, refused before they are skipped, which may take as long as writing them."""
    total = 0
    for number, entry in enumerate(tar, 1):
        total += entry.size
        if number > MOST_ENTRIES or total > MOST_BYTES:
            raise RefusedError(
                f"{archive}: found {number:,} entries with {shown_bytes(total)} or more, "
                f"expected at most {MOST_ENTRIES:,} with {shown_bytes(MOST_BYTES)}"
            )
        yield entry


def _inside(name: str, folder: str) -> str | None:
    """The path from `folder` on; None for what is not in it."""
    parts, patterns = PurePosixPath(name).parts, PurePosixPath(folder).parts
    rest = parts[len(patterns) :]
    is_there = rest and all(map(fnmatchcase, parts, patterns))
    return "/".join(rest) if is_there else None


def _write(tar: tarfile.TarFile, entry: tarfile.TarInfo, out: Path, path: str, left: int) -> int:
    """Write one file; returns its size."""
    if not (entry.isreg() and can_travel(path)):
        raise RefusedError(
            f"{tar.name!s}: found {entry.name!r}, expected only files with relative paths"
        )
    source = tar.extractfile(entry)
    assert source is not None
    target = out / path
    target.parent.mkdir(parents=True, exist_ok=True)
    with source:
        return _copy(source, target, left)


def _copy(source: IO[bytes] | gzip.GzipFile, target: Path, left: int) -> int:
    size = 0
    with target.open("wb") as file:
        while piece := source.read(PIECE_BYTES):
            size += len(piece)
            if size > left:
                raise RefusedError(f"{target.name}: found more bytes than expected; it is refused")
            file.write(piece)
    return size
