"""Which files of a folder belong to which split."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from distnet.data.import_summary import Findings
from distnet.errors import DataError

_SPLITS = {
    "train": "train",
    "training": "train",
    "test": "test",
    "testing": "test",
    "val": "val",
    "valid": "valid",
    "validation": "validation",
    "dev": "dev",
    "eval": "eval",
}
"""First words of names, and the splits that they mean."""


MOST_NAMES = 3


def split_of(name: str) -> str | None:
    """The split that the name of a file or folder begins with: `Training_set` is `train`."""
    return _SPLITS.get(re.split(r"[^a-z]", name.lower(), maxsplit=1)[0])


def split_files(path: Path, suffixes: Sequence[str], findings: Findings) -> dict[str, list[Path]]:
    """Find the files of each split: those of a folder whose names begin with `train`, `test`, ...

    A single file, or a folder without training files of that name, is one split called `all`.

    Raises:
        DataError: the folder has no such files.
    """
    if path.is_file():
        findings.read("files")
        return {"all": [path]}
    files = list(_readable(path, tuple(suffixes), findings))
    if not files:
        raise DataError(f"{path}: no files here that end in {' or '.join(suffixes)}")
    if not any(split_of(file.name) == "train" for file in files):
        findings.read("files", len(files))
        if len(files) > 1:
            why = "no file name begins with train, so all files are one table"
            findings.guessed(
                "splits", "none", why, example=files[0].name, option="rename the files"
            )
        return {"all": files}
    splits: dict[str, list[Path]] = {}
    for file in files:
        split = split_of(file.name)
        if split is None:
            why = f"the name does not begin with a split: {', '.join(_SPLITS)}"
            findings.left_out("files", why, example=file.name, option="rename the file")
        else:
            splits.setdefault(split, []).append(file)
    findings.read("files", sum(map(len, splits.values())))
    for split, found in splits.items():
        if len(found) > 1:
            why = f"the names of {len(found)} files mean this split"
            example = ", ".join(file.name for file in found[:MOST_NAMES])
            findings.guessed("files joined", split, why, example=example, option="rename a file")
    return splits


def _readable(path: Path, suffixes: tuple[str, ...], findings: Findings) -> Iterator[Path]:
    for file in sorted(path.iterdir()):
        if file.name.startswith("."):
            findings.left_out("hidden files", "the name begins with a dot", example=file.name)
        elif file.is_dir():
            findings.left_out(
                "folders", "only files of the folder itself are read", example=file.name
            )
        elif file.name.lower().endswith(suffixes):
            yield file
        else:
            kind = f"files that end in {file.suffix}" if file.suffix else "files without a suffix"
            findings.left_out(kind, f"only {' and '.join(suffixes)} are read", example=file.name)
