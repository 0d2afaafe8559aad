"""Shards of the WebDataset convention: tar files of images, each beside its label.

A shard, or a folder of shards: `train-000000.tar`, `test-000000.tar`, or `train/000000.tar`. The
images are learned with what the files `.cls` hold, or with `--target` those of another suffix, or a
key of the `.json` files.
"""

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from distnet.data.images.decode import Colours, Size
from distnet.data.sources._splits import split_files, split_of
from distnet.data.sources.files.web_shard import IMAGE, SUFFIX, WebShard, holds_samples
from distnet.data.sources.images.table_images import ImageOptions, TargetOptions, read_images
from distnet.data.sources.source import RawData
from distnet.data.sources.tables.tables import train_first
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

CLASS = "cls"
"""The suffix of files that hold the index of a class."""


def detect(path: Path) -> bool:
    """Whether it is a shard, or a folder that has shards, or folders of them for each split."""
    if path.is_file():
        return path.suffix.lower() == SUFFIX and holds_samples(path)
    shards = _shards(path) or [*chain(*_folders(path).values())]
    return bool(shards) and holds_samples(shards[0])


def read(
    path: Path,
    *,
    target: Sequence[str] = (),
    target_kind: str | None = None,
    classes: Sequence[str] = (),
    size: Size | None = None,
    colours: Colours | None = None,
    skip_unreadable: bool = False,
) -> RawData:
    """Read what is to be learned, and the headers of all images.

    Args:
        path: the shard or folder.
        target: the suffixes of the files to learn, or keys of their `.json`; else `cls`.
        target_kind: `class` or `number`; else class for `cls`, and else decided by the content.
        classes: names of the classes, in the order of their index.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.
        skip_unreadable: leave out, and count, the samples whose image cannot be read.

    Raises:
        DataError: a shard is damaged, an image or a target is missing or damaged, or sizes differ.
    """
    findings = Findings()
    splits = {split: list(map(WebShard, files)) for split, files in _files(path, findings).items()}
    first = train_first(splits)[0]
    if IMAGE not in first.columns:
        raise DataError(f"{first.path}: found no images in it, expected files such as 0001.jpg")
    if not target and CLASS in first.columns:
        why = "its files hold the index of a class, by convention"
        findings.guessed("target column", CLASS, why, option="--target NAME")
        target, target_kind = (CLASS,), target_kind or "class"
    options = ImageOptions(size, colours, skip_unreadable=skip_unreadable)
    return read_images(
        splits, IMAGE, TargetOptions(target, target_kind, classes), options, findings
    )


def _files(path: Path, findings: Findings) -> dict[str, list[Path]]:
    """The shards of each split."""
    folders = {} if path.is_file() or _shards(path) else _folders(path)
    if not folders:
        return split_files(path, (SUFFIX,), findings)
    findings.read("files", sum(map(len, folders.values())))
    return folders


def _folders(path: Path) -> dict[str, list[Path]]:
    """The shards in folders that are named as splits are."""
    found = [folder for folder in sorted(path.iterdir()) if folder.is_dir()]
    named = {split: _shards(folder) for folder in found if (split := split_of(folder.name))}
    return {split: shards for split, shards in named.items() if shards}


def _shards(folder: Path) -> list[Path]:
    return [file for file in sorted(folder.iterdir()) if file.suffix.lower() == SUFFIX]
