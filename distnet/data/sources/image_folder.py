"""A folder of images: `class/*.jpg`, or `train/class/*.jpg` and `test/class/*.jpg`.

Any format that Pillow reads will do. Files without an image suffix are ignored.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.images import SUFFIXES, Colours, ImageSurvey, Size, read_header, read_image
from distnet.data.sources._names import natural_order
from distnet.data.sources.source import Chunks, RawData
from distnet.errors import DataError

CHUNK_IMAGES = 64
Files = dict[str, list[Path]]  # by class


def detect(path: Path) -> bool:
    """Whether it is a folder with images one or two folders down."""
    return path.is_dir() and any(
        any(map(_is_image, folder.iterdir()))
        for level in ("*", "*/*")
        for folder in path.glob(level)
        if folder.is_dir()
    )


def read(path: Path, *, size: Size | None = None, colours: Colours | None = None) -> RawData:
    """List all images and read their headers.

    Args:
        path: the folder.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.

    Raises:
        DataError: there are no images, one cannot be read, or their sizes differ.
    """
    if not path.is_dir():
        raise DataError(f"{path}: a file, expected a folder with one folder a class")
    splits = _list_splits(path)
    classes = natural_order({name for files in splits.values() for name in files})
    _check_classes(path, splits, classes)
    survey = ImageSurvey()
    for files in splits.values():
        for file in _in_order(files):
            survey.add(read_header(file, location=str(file)), location=str(file))
    shape = survey.shape(size, colours)
    return RawData(
        fields={"x": ImageField(shape=shape), "y": ClassField(classes=tuple(classes))},
        splits={
            split: _chunks(files, classes, shape, resize=size is not None)
            for split, files in splits.items()
        },
        num_samples=sum(len(_in_order(files)) for files in splits.values()),
    )


def _list_splits(path: Path) -> dict[str, Files]:
    if any(map(_subfolders, _subfolders(path))) and (path / "train").is_dir():
        return {folder.name: _list_classes(folder) for folder in _subfolders(path)}
    return {"all": _list_classes(path)}


def _list_classes(folder: Path) -> Files:
    return {child.name: sorted(filter(_is_image, child.iterdir())) for child in _subfolders(folder)}


def _check_classes(path: Path, splits: dict[str, Files], classes: list[str]) -> None:
    if len(classes) < 2:
        raise DataError(
            f"{path}: found {len(classes)} class folders, expected at least two: one folder a "
            "class with its images inside, or train/ and test/ with such folders"
        )
    for split, files in splits.items():
        folder = path if split == "all" else path / split
        for name in classes:
            if not files.get(name) and split in ("all", "train"):
                raise DataError(
                    f"{folder / name}: no images of this class; add some or remove the folder"
                )


def _chunks(files: Files, classes: list[str], shape: tuple[int, ...], *, resize: bool) -> Chunks:
    ordered = [(file, classes.index(name)) for name in natural_order(files) for file in files[name]]
    read_one = partial(_read_file, shape=shape, resize=resize)

    def chunks() -> Iterator[Columns]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(ordered), CHUNK_IMAGES):
                part = ordered[start : start + CHUNK_IMAGES]
                images = list(pool.map(read_one, [file for file, _ in part]))
                labels = np.array([label for _, label in part], np.int32)
                yield {"x": np.stack(images), "y": labels}

    return chunks


def _read_file(file: Path, *, shape: tuple[int, ...], resize: bool) -> NDArray[np.uint8]:
    return read_image(file, location=str(file), shape=shape, resize=resize)


def _in_order(files: Files) -> list[Path]:
    return [file for name in natural_order(files) for file in files[name]]


def _subfolders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _is_image(file: Path) -> bool:
    is_hidden = file.name.startswith(".")
    return file.suffix.lower() in SUFFIXES and not is_hidden and file.is_file()
