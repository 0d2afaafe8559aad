"""Which files of a folder belong to which split."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from distnet.data.survey.summary import Findings
from distnet.errors import DataError

_SPLITS = {
    "train": "train",
    "training": "train",
    "trainset": "train",
    "trainval": "train",
    "test": "test",
    "testing": "test",
    "testset": "test",
    "val": "val",
    "valset": "val",
    "valid": "valid",
    "validation": "validation",
    "dev": "dev",
    "eval": "eval",
}
"""Words in names, and the splits that they mean."""
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


MOST_NAMES = 3


def split_of(name: str) -> str | None:
    """The split that a name means by its first word, or by any other if all of them agree.

    `TrainingData`, `mnist_train` and `wiki.train.tokens` are `train`; `my_train_test` is none.
    """
    words = [word.lower() for word in _WORD.findall(name)]
    found = [_SPLITS[word] for word in words if word in _SPLITS]
    is_clear = bool(found) and (words[0] in _SPLITS or len(set(found)) == 1)
    return found[0] if is_clear else None


def is_split_name(name: str) -> bool:
    """Whether a name means a split and says nothing else: `Training`, not `train-2`."""
    return name.lower() in _SPLITS


def split_files(path: Path, suffixes: Sequence[str], findings: Findings) -> dict[str, list[Path]]:
    """Find the files of each split: those of a folder whose names say `train`, `test`, ...

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
            why = "no file name says train, so all files are one table"
            findings.guessed(
                "splits", "none", why, example=files[0].name, option="rename the files"
            )
        return {"all": files}
    splits: dict[str, list[Path]] = {}
    for file in files:
        split = split_of(file.name)
        if split is None:
            why = f"no word of the name is a split: {', '.join(_SPLITS)}"
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
