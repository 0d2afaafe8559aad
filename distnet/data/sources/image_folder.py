"""A folder of images: `class/*.jpg`, or `train/class/*.jpg` and `test/class/*.jpg`.

Any format that Pillow reads will do. Images in deeper folders belong to their class. Whatever
lies there besides is counted in the summary of the import.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Columns
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.images.decode import Colours, Size, read_header, read_image
from distnet.data.sources._like import Like, classes_like
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.files.kinds import IMAGES
from distnet.data.sources.files.layout import Classes, Layout, sort_files
from distnet.data.sources.files.tree import has_files, list_files
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.decoding import decode_files
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.images import ImageSurvey
from distnet.data.survey.summary import Findings
from distnet.errors import DataError
from distnet.spec.plural import counted, listed

MOST_NAMES = 20
Files = list[tuple[Path, int]]
"""The images of a split in their order, each with the index of its class."""


def detect(path: Path) -> bool:
    """Whether it is a folder with folders that hold images, at any depth."""
    return path.is_dir() and has_files(path, IMAGES)


def read(
    path: Path,
    *,
    size: Size | None = None,
    colours: Colours | None = None,
    layout: Layout | None = None,
    skip_unreadable: bool = False,
    like: Like | None = None,
) -> RawData:
    """List all images and read their headers.

    Args:
        path: the folder.
        size: height and width that all images get, by scaling and cutting out the middle.
        colours: `grey` or `rgb`; else grey where all images are.
        layout: whether the first folders are `classes` or `splits`; else decided by their names.
        skip_unreadable: leave out, and count, the images that cannot be read.
        like: the fields of a dataset whose classes are taken.

    Raises:
        DataError: there are no images, some cannot be read, or their sizes differ.
    """
    if not path.is_dir():
        raise DataError(f"{path}: a file, expected a folder with one folder a class")
    findings = Findings()
    survey, unreadable = ImageSurvey(findings), Unreadable(findings, skip=skip_unreadable)
    tree = list_files(path, findings, unreadable, IMAGES)
    unreadable.check()
    splits = sort_files(tree, layout, findings)
    splits = {split: _readable(found, survey, unreadable) for split, found in splits.items()}
    unreadable.check()
    classes = natural_order({name for found in splits.values() for name in found})
    if known := classes_like(like):
        _check_known(path, classes, known)
        classes = list(known)
    else:
        _check_classes(path, splits, classes, findings)
    shape = survey.shape(size, colours)
    files = {split: _in_order(found, classes) for split, found in splits.items()}
    findings.read("classes", len(classes))
    return RawData(
        fields={"x": ImageField(shape=shape), "y": ClassField(classes=tuple(classes))},
        splits={
            split: _chunks(
                part, shape, unreadable, resize=size is not None, is_last=split == list(files)[-1]
            )
            for split, part in files.items()
        },
        num_samples=sum(map(len, files.values())),
        findings=findings,
        locate=partial(_locate, files, unreadable),
    )


def _locate(files: Mapping[str, Files], unreadable: Unreadable, split: str, index: int) -> str:
    readable = (file for file, _ in files[split] if str(file) not in unreadable.locations)
    return str(next(islice(readable, index, None)))


def _readable(classes: Classes, survey: ImageSurvey, unreadable: Unreadable) -> Classes:
    """Survey the images of a split, and leave out those whose header cannot be read."""
    return {
        name: [file for file in files if _can_be_read(file.path, survey, unreadable)]
        for name, files in classes.items()
    }


def _can_be_read(file: Path, survey: ImageSurvey, unreadable: Unreadable) -> bool:
    try:
        survey.add(read_header(file, location=str(file)), location=str(file))
    except DataError as error:
        unreadable.add(str(file), error)
        return False
    return True


def _check_classes(
    path: Path, splits: dict[str, Classes], classes: list[str], findings: Findings
) -> None:
    left_out = "".join(f"\n{line}" for line in findings.left_out_lines())
    if len(classes) < 2:
        found_classes = counted(len(classes), "class folder")
        raise DataError(
            f"{path}: found {found_classes}, expected at least two: one folder a class with "
            f"its images inside, or train/ and test/ with such folders"
            f"{_inner(path, splits)}{left_out}"
        )
    for split, found in splits.items():
        folder = path if split == "all" else path / _folder_of(split, found)
        for name in classes:
            if not found.get(name) and split in ("all", "train"):
                raise DataError(
                    f"{folder / name}: no images of this class{_elsewhere(name, splits)}; add some "
                    f"or remove the folder{_lookalike(name, found)}{left_out}"
                )


def _check_known(path: Path, classes: Sequence[str], known: Sequence[str]) -> None:
    """Check that all class folders are classes of the other dataset."""
    for name in classes:
        if name not in known:
            raise DataError(
                f"{path}: found the class folder {name!r}, which is none of the other dataset; "
                f"expected some of: {listed(known, MOST_NAMES)}"
            )


def _folder_of(split: str, classes: Classes) -> str:
    """The name of the folder of a split, such as `Training`."""
    first = next((files[0] for files in classes.values() if files), None)
    return split if first is None else first.parts[0]


def _inner(path: Path, splits: dict[str, Classes]) -> str:
    """What to import instead, where all folders lie in one."""
    files = [p for found in splits.values() for group in found.values() for p in group]
    folders = [file.path.relative_to(path).parts[:-1] for file in files]
    common = os.path.commonprefix(folders)
    below = {folder[len(common)] for folder in folders if len(folder) > len(common)}
    if not common or len(below) < 2:
        return ""
    return f"; the folders are one level deeper, so import {path.joinpath(*common)}"


def _elsewhere(name: str, splits: dict[str, Classes]) -> str:
    """Which other splits have images of a class."""
    having = [split for split, found in splits.items() if found.get(name)]
    return f", but there are some in {' and '.join(having)}" if having else ""


def _lookalike(name: str, classes: Classes) -> str:
    alike = [n for n in classes if n != name and n.strip().casefold() == name.strip().casefold()]
    return f"; {alike[0]!r} differs only in case or spaces: give both one name" if alike else ""


def _in_order(found: Classes, classes: list[str]) -> Files:
    return [
        (file.path, index) for index, name in enumerate(classes) for file in found.get(name, ())
    ]


def _chunks(
    files: Files, shape: tuple[int, ...], unreadable: Unreadable, *, resize: bool, is_last: bool
) -> Chunks:
    """Decode the images of a split; after the last split, those that failed are an error."""

    def read_one(file: Path) -> NDArray[np.uint8]:
        return read_image(file, location=str(file), shape=shape, resize=resize)

    def chunks() -> Iterator[Columns]:
        for indices, images in decode_files([file for file, _ in files], read_one, unreadable):
            labels = np.array([files[index][1] for index in indices], np.int32)
            yield {"x": np.stack(images), "y": labels}
        if is_last:
            unreadable.check()

    return chunks
