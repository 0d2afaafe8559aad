"""List the regular files of a folder that the job file names.

Hidden files, compiled Python and what is neither a file nor a folder are passed over. Links are
followed inside the job file's folder; one that leads out of it is refused, because nobody named
what it leads to.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from distnet.errors import DistnetError
from distnet.spec.code.ignore import IGNORE_FILE, IsIgnored

PASSED_OVER = ("__pycache__", ".pyc", ".pyo")


def regular_files(named: Path, job_folder: Path, is_ignored: IsIgnored) -> Iterator[Path]:
    """List the files below `named`, sorted by name.

    Args:
        named: the folder; it may itself be a link to anywhere.
        job_folder: that of the job file.
        is_ignored: by the name relative to the job file's folder.

    Raises:
        DistnetError: a link in it leads elsewhere, or a folder cannot be read.
    """
    allowed = (os.path.realpath(job_folder), os.path.realpath(named))
    yield from _below(named, job_folder, is_ignored, allowed, {os.path.realpath(named)})


def _below(
    folder: Path, root: Path, is_ignored: IsIgnored, allowed: tuple[str, ...], above: set[str]
) -> Iterator[Path]:
    for entry in _entries(folder):
        path = Path(entry.path)
        name = path.relative_to(root).as_posix()
        is_folder = entry.is_dir()
        if entry.name.startswith(".") or entry.name.endswith(PASSED_OVER):
            continue
        if is_ignored(f"{name}/" if is_folder else name):
            continue
        real = os.path.realpath(path)
        if entry.is_symlink() and os.path.exists(path) and not _is_in(real, allowed):
            raise DistnetError(
                f"found {name}, a link to {real}, which is outside of the job file's folder; "
                f"name the link itself, copy the file, or leave it out with a {IGNORE_FILE}"
            )
        if is_folder and real not in above:
            yield from _below(path, root, is_ignored, allowed, above | {real})
        elif not is_folder and entry.is_file():
            yield path


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        return sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise DistnetError(f"{folder}: cannot read the folder: {error.strerror}") from None


def _is_in(path: str, folders: tuple[str, ...]) -> bool:
    return any(os.path.commonpath((path, folder)) == folder for folder in folders)
