"""Pack the job's own files into an archive: the same files always give the same bytes.

Hidden files, environments, caches and runs are left out. So are large files: they are data, which
belongs where all machines can read it.
"""

import hashlib
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distnet.errors import DistnetError

LARGEST_FILE = 10_000_000
LARGEST = 50_000_000
MOST_FILES = 10_000
LEFT_OUT = frozenset({"runs", "__pycache__", "venv", "node_modules"})
COMPILED = (".pyc", ".pyo")
EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can store


@dataclass(frozen=True)
class Archive:
    """A zip of a folder."""

    data: bytes
    sha256: str
    too_large: tuple[str, ...] = ()
    """Files that were left out, each with its size."""


@dataclass(frozen=True)
class _File:
    path: Path
    name: str
    size: int
    mode: int


def pack(folder: Path) -> Archive:
    """Archive the files of `folder`: sorted, with fixed times and modes.

    Raises:
        DistnetError: there are too many or too large files, or one cannot be read.
    """
    files, too_large = [], []
    for file in _files(folder, folder):
        if file.size > LARGEST_FILE:
            too_large.append(f"{file.name} ({_megabytes(file.size)})")
        else:
            files.append(file)
        if len(files) > MOST_FILES:
            raise DistnetError(
                f"{folder}: found more than {MOST_FILES:,} files beside the job file, all of which "
                "would be uploaded; move the job and its own files to a folder of their own"
            )
    _require_small(folder, files, sum(file.size for file in files))
    data = _zipped(sorted(files, key=lambda file: file.name))
    return Archive(data, hashlib.sha256(data).hexdigest(), tuple(too_large))


def _files(folder: Path, root: Path) -> Iterator[_File]:
    """Every regular file below; links to folders are not followed, as they could form a loop."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DistnetError(f"{folder}: cannot read the folder: {error.strerror}") from None
    for entry in entries:
        path = Path(entry.path)
        if entry.name.startswith(".") or entry.name in LEFT_OUT or path.suffix in COMPILED:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(path, root)
        elif entry.is_file():
            facts = entry.stat()
            mode = 0o755 if facts.st_mode & stat.S_IXUSR else 0o644
            yield _File(path, path.relative_to(root).as_posix(), facts.st_size, mode)


def _require_small(folder: Path, files: list[_File], size: int) -> None:
    if size <= LARGEST:
        return
    largest = sorted(files, key=lambda file: (-file.size, file.name))[:3]
    named = ", ".join(f"{file.name} ({_megabytes(file.size)})" for file in largest)
    raise DistnetError(
        f"{folder}: found {_megabytes(size)} of files beside the job file, expected at most "
        f"{_megabytes(LARGEST)} to upload with it; the largest are {named}; move data out of this "
        "folder and name it by its absolute path"
    )


def _zipped(files: list[_File]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, EPOCH)
            entry.create_system = 3  # Unix, whatever this system is
            entry.external_attr = (stat.S_IFREG | file.mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, _content(file.path))
    return buffer.getvalue()


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DistnetError(
            f"{path}: cannot read this file, which is uploaded with the job: {error.strerror}"
        ) from None


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
