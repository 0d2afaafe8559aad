"""The files that a user gives to be predicted: paths, patterns such as `photos/*.jpg`, folders."""

from collections.abc import Iterable, Sequence
from glob import glob, has_magic
from pathlib import Path

from distnet.data.sources.files.kinds import FileKind
from distnet.data.sources.files.tree import list_files
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

MOST_MISSING = 10
MANIFEST = "manifest.json"


def existing(given: Sequence[Path]) -> list[Path]:
    """The files and folders that are given, and those that a pattern stands for, in order.

    Raises:
        DataError: some do not exist; all of these are named.
    """
    found: list[Path] = []
    missing: list[str] = []
    for path in given:
        if path.exists():
            found.append(path)
        elif has_magic(str(path)):
            matches = sorted(map(Path, glob(str(path), recursive=True)))
            found += matches
            missing += [] if matches else [f"{path}: no file matches this pattern"]
        else:
            missing.append(f"{path}: found no such file or folder")
    if len(missing) > MOST_MISSING:
        missing[MOST_MISSING:] = [f"and {len(missing) - MOST_MISSING:,} more"]
    if missing:
        raise DataError("\n".join(missing))
    return found


def files_below(paths: Iterable[Path], kind: FileKind) -> tuple[list[Path], list[str]]:
    """The files themselves, and those of a kind in the folders, at any depth, in order.

    Returns:
        The files, and lines that say what was left out of the folders.

    Raises:
        DataError: a folder holds none, is a dataset of distnet, or cannot be read.
    """
    files: list[Path] = []
    lines: list[str] = []
    for path in paths:
        if not path.is_dir():
            files.append(path)
            continue
        found, left_out = _below(path, kind)
        files += found
        lines += left_out
    return files, lines


def _below(folder: Path, kind: FileKind) -> tuple[list[Path], list[str]]:
    if (folder / MANIFEST).is_file():
        raise DataError(
            f"{folder}: found a dataset of distnet; measure a run on it with: distnet eval RUN "
            f"--data {folder}"
        )
    findings = Findings()
    findings.source = folder
    unreadable = Unreadable(findings, skip=False)
    found = [file.path for file in list_files(folder, findings, unreadable, kind).files]
    unreadable.check()
    left_out = [f"{folder}: {line}" for line in findings.left_out_lines()]
    if not found:
        raise DataError("\n".join([f"{folder}: found no {kind.plural} in this folder", *left_out]))
    return found, left_out
