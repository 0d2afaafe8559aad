"""The files of one kind and the folders below a folder, at any depth, and what else lies there."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from distnet.data.sources.files.kinds import FileKind
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

Parts = tuple[str, ...]
"""A path below the source, such as `("train", "cat", "1.jpg")`."""
Identity = tuple[int, int]
"""The device and the number of a folder."""
_OF_THE_SYSTEM = {
    *("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found"),
    *("Thumbs.db", "desktop.ini"),
}


@dataclass(frozen=True, slots=True, order=True)
class File:
    """One file, and the folders and name by which it is sorted into splits and classes."""

    parts: Parts
    path: Path


@dataclass(frozen=True)
class FileTree:
    """What a folder holds, in order."""

    files: tuple[File, ...]
    folders: tuple[Parts, ...]
    kind: FileKind


def has_files(path: Path, kind: FileKind, *, depth: int = 1) -> bool:
    """Whether a folder at least `depth` below `path` holds a file of this kind."""
    findings = Findings()
    walked = _walk(path, findings, Unreadable(findings, skip=True), kind)
    return any(is_file and len(parts) > depth for parts, is_file in walked)


def list_files(path: Path, findings: Findings, unreadable: Unreadable, kind: FileKind) -> FileTree:
    """Find all files of a kind below `path`, by their suffixes; report what is left out."""
    files: list[File] = []
    folders: list[Parts] = []
    for parts, is_file in _walk(path, findings, unreadable, kind):
        if is_file:
            files.append(File(parts, path.joinpath(*parts)))
        else:
            folders.append(parts)
    return FileTree(tuple(sorted(files)), tuple(sorted(folders)), kind)


def _walk(
    root: Path, findings: Findings, unreadable: Unreadable, kind: FileKind
) -> Iterator[tuple[Parts, bool]]:
    """Yield files, with True, and folders, with False."""
    waiting: list[tuple[Parts, tuple[Identity, ...]]] = [((), ())]
    while waiting:
        folder, above = waiting.pop()
        path = root.joinpath(*folder)
        try:
            entries, identity = _entries(path)
        except OSError as error:
            fault = DataError(f"{path}: the folder cannot be read ({error.strerror}); repair it")
            unreadable.add(str(path), fault, "folders")
            continue
        inner: list[Parts] = []
        for entry in entries:
            parts, is_folder = (*folder, entry.name), _is_folder(entry)
            left_out = _reason_to_skip(entry, is_folder, (*above, identity), kind)
            if left_out is not None:
                findings.left_out(*left_out, example="/".join(parts))
                continue
            yield parts, not is_folder
            if is_folder:
                inner.append(parts)
        waiting.extend((parts, (*above, identity)) for parts in reversed(inner))


def _entries(path: Path) -> tuple[list[os.DirEntry[str]], Identity]:
    status = path.stat()
    with os.scandir(path) as found:
        return sorted(found, key=lambda entry: entry.name), (status.st_dev, status.st_ino)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    return os.path.isdir(entry.path)  # never raises, unlike entry.is_dir()


def _reason_to_skip(
    entry: os.DirEntry[str], is_folder: bool, above: tuple[Identity, ...], kind: FileKind
) -> tuple[str, str] | None:
    """What an entry is and why it is left out; None for folders and files that are read."""
    if entry.name.startswith("."):
        return f"hidden {'folders' if is_folder else 'files'}", "the name begins with a dot"
    if entry.name in _OF_THE_SYSTEM:
        return "files and folders of the operating system", "they hold no data"
    if is_folder:
        status = entry.stat()
        is_loop = (status.st_dev, status.st_ino) in above
        return ("links to folders", "they lead back to a folder above") if is_loop else None
    return _reason_to_skip_file(entry, kind)


def _reason_to_skip_file(entry: os.DirEntry[str], kind: FileKind) -> tuple[str, str] | None:
    if not os.path.isfile(entry.path):  # never raises, unlike entry.is_file()
        is_link = entry.is_symlink()
        return ("links", "they lead nowhere") if is_link else ("devices", "not regular files")
    suffix = os.path.splitext(entry.name)[1].lower()
    if not suffix:
        return "files without a suffix", f"a suffix such as {kind.example} marks {kind.plural}"
    if not kind.has(entry.name):
        return f"files that end in {suffix}", f"no format of {kind.plural} that distnet reads"
    return None
