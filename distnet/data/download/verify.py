"""Whether raw files are those of the catalogue, by sha256."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from distnet.data.catalogue.entry import Content, Entry
from distnet.errors import DataError


class RefusedError(DataError):
    """Files that are not those of the catalogue."""


def sha256_of(path: Path) -> str:
    """The sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sums_of(folder: Path) -> dict[str, str]:
    """The sha256 of each file below a folder, by its path, in the order of the paths."""
    paths = (path for path in folder.rglob("*") if path.is_file())
    sums = {path.relative_to(folder).as_posix(): sha256_of(path) for path in paths}
    return dict(sorted(sums.items()))


def content_sha256(sums: Mapping[str, str]) -> str:
    """The sha256 of many files, as of the output of `sha256sum`."""
    lines = "".join(f"{sha256}  {path}\n" for path, sha256 in sums.items())
    return hashlib.sha256(lines.encode()).hexdigest()


def fault_of(entry: Entry, folder: Path) -> str | None:
    """What is wrong with the raw files of a data set; None where all is right."""
    sums = sums_of(folder)
    if entry.archive is not None:
        return _fault_of_content(entry.archive.content, sums)
    if missing := entry.files.keys() - sums.keys():
        return f"found no {min(missing)}"
    wrong = (path for path, sha256 in entry.files.items() if sums[path] != sha256)
    path = next(wrong, None)
    return path and f"{path}: found sha256 {sums[path]}, expected {entry.files[path]}"


def _fault_of_content(content: Content, sums: Mapping[str, str]) -> str | None:
    found = content_sha256(sums)
    if found == content.sha256:
        return None
    return (
        f"found {len(sums):,} raw files with sha256 {found} of all, expected "
        f"{content.num_files:,} with {content.sha256}"
    )
