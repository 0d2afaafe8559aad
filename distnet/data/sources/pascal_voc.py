"""Images with boxes in the form of Pascal VOC.

    JPEGImages/*.jpg         any format that Pillow reads
    Annotations/*.xml        one for each image, of the same name
    ImageSets/Main/*.txt     optional: train.txt, val.txt and test.txt list the names of the splits

Images of one size become plain pixels; of unlike sizes they stay encoded, unless `size` scales them
and their boxes.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Column, Columns, RaggedArray
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.image import ImageField
from distnet.data.images.decode import Colours, Size, decode_image, read_header, read_image
from distnet.data.images.formats import SUFFIXES
from distnet.data.sources.files.class_names import check_names, natural_order
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.annotation import Annotation, MarkedObject, read_annotation
from distnet.data.sources.images.decoding import decode_files
from distnet.data.sources.images.image_sets import read_image_sets
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.images import ImageSurvey
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

IMAGES, ANNOTATIONS = "JPEGImages", "Annotations"
XML = ".xml"
MORE_THAN = "image-folder"


class Scene(NamedTuple):
    """An image and the objects on it."""

    image: Path
    size: Size
    objects: tuple[MarkedObject, ...]


@dataclass(frozen=True)
class Form:
    """How the images and boxes of a dataset are stored."""

    shape: tuple[int, ...]
    classes: tuple[str, ...]
    first_pixel: int
    is_scaled: bool
    has_difficult: bool
    """Whether an object is marked as difficult."""

    def pixels(self, file: Path) -> NDArray[np.uint8]:
        """Read an image: its pixels, or its file's bytes where images stay encoded."""
        location = str(file)
        if len(self.shape) == 3:
            resize = self.is_scaled
            return read_image(
                file, location=location, shape=self.shape, resize=resize, is_whole=True
            )
        decode_image(file, location=location, channels=self.shape[0])
        return np.frombuffer(file.read_bytes(), np.uint8)

    def boxes(self, scene: Scene) -> NDArray[np.float32]:
        """The boxes of an image, [n, 5] or [n, 6], in pixels of what is stored."""
        height, width = scene.size
        down, across = (
            s / o for s, o in zip(self.shape[1:] or scene.size, scene.size, strict=True)
        )
        boxes = np.zeros((len(scene.objects), 5 + self.has_difficult), np.float32)
        for box, marked in zip(boxes, scene.objects, strict=True):
            left, top, right, bottom = marked.edges or (0, 0, 0, 0)
            first = self.first_pixel
            edges = (max(left - first, 0), max(top - first, 0), right, bottom)
            box[:4] = np.multiply(edges, (across, down, across, down))
            box[4] = self.classes.index(marked.name)
            box[5:] = marked.is_difficult
        return boxes


def detect(path: Path) -> bool:
    """Whether it is a folder with images and annotations."""
    annotations = path / ANNOTATIONS
    has_xml = annotations.is_dir() and any(f.suffix.lower() == XML for f in annotations.iterdir())
    return (path / IMAGES).is_dir() and has_xml


def read(
    path: Path,
    *,
    size: Size | None = None,
    colours: Colours | None = None,
    classes: Sequence[str] = (),
    skip_unreadable: bool = False,
) -> RawData:
    """List all images, and read their headers and annotations.

    Args:
        path: the folder.
        size: height and width to which all images and their boxes are scaled, each side apart.
        colours: `grey` or `rgb`; else grey where all images are.
        classes: names of the classes 0, 1, ...; by default those that occur, sorted.
        skip_unreadable: leave out, and count, images that cannot be read, and faulty objects.

    Raises:
        DataError: an image or an annotation is missing or faulty; the message lists them.
    """
    if not detect(path):
        raise DataError(f"{path}: expected a folder with {IMAGES} and {ANNOTATIONS}")
    check_names(classes)
    findings = Findings()
    survey = ImageSurvey(findings, is_whole=True)
    unreadable = Unreadable(findings, skip=skip_unreadable)
    reader = _Reader(path, tuple(classes), survey, unreadable)
    names = read_image_sets(path, reader.names, findings)
    splits = {split: list(reader.scenes(found)) for split, found in names.items()}
    unreadable.check()
    if not reader.found:
        raise DataError(f"{path / ANNOTATIONS}: no file has an object; expected some with a box")
    form = _form(survey, size, colours, reader)
    boxes = BoxesField(classes=form.classes, has_difficult=form.has_difficult)
    _report(splits, findings, form)
    return RawData(
        fields={"x": ImageField(shape=form.shape), "boxes": boxes},
        splits={
            split: _chunks(scenes, form, unreadable, is_last=split == list(splits)[-1])
            for split, scenes in splits.items()
        },
        num_samples=sum(map(len, splits.values())),
        findings=findings,
        locate=partial(_locate, splits, unreadable),
    )


def _by_name(folder: Path, suffixes: Container[str]) -> dict[str, Path]:
    """The files with these suffixes, by their names without."""
    found: dict[str, Path] = {}
    for file in sorted(folder.iterdir()):
        if file.suffix.lower() not in suffixes or file.name.startswith("."):
            continue
        if file.stem in found:
            raise DataError(
                f"{found[file.stem]} and {file.name}: two files of one name, expected one; remove "
                "one"
            )
        found[file.stem] = file
    return found


class _Reader:
    """Reads annotations and the headers of their images."""

    def __init__(
        self, path: Path, classes: tuple[str, ...], survey: ImageSurvey, unreadable: Unreadable
    ) -> None:
        self._images = _by_name(path / IMAGES, SUFFIXES)
        self._annotations = _by_name(path / ANNOTATIONS, (XML,))
        self._survey, self._unreadable = survey, unreadable
        self.classes, self.found = classes, set[str]()
        self.first_pixel = 1
        """The number of the first pixel: 0 once an edge has it."""
        self.has_difficult = False
        self.names = set(self._images) | set(self._annotations)

    def scenes(self, names: Sequence[str]) -> Iterator[Scene]:
        """The images of these names with their objects, without what is faulty."""
        for name in names:
            image, file = self._images.get(name), self._annotations.get(name)
            try:
                yield self._scene(name, image, file)
            except DataError as error:
                self._unreadable.add(str(error).partition(": ")[0], error)

    def _scene(self, name: str, image: Path | None, file: Path | None) -> Scene:
        if image is None:
            raise DataError(f"{file}: an annotation without an image; add {IMAGES}/{name}.jpg")
        if file is None:
            raise DataError(
                f"{image}: an image without an annotation; add {ANNOTATIONS}/{name}.xml"
            )
        annotation = read_annotation(file)
        header = read_header(image, location=str(image))
        size = header.height, header.width
        if annotation.size not in (None, size):
            raise DataError(
                f"{file}: of an image of another size; found {_by(annotation.size)} pixels, but "
                f"{image} has {_by(size)}: repair the annotation"
            )
        self._survey.add(header, location=str(image))
        return Scene(image, size, tuple(self._objects(annotation, size)))

    def _objects(self, annotation: Annotation, size: Size) -> Iterator[MarkedObject]:
        for marked in annotation.objects:
            fault = marked.fault(*size, self.classes)
            if fault is not None:
                location = annotation.location(marked)
                self._unreadable.add(location, DataError(f"{location}: {fault}"), "objects")
                continue
            self.found.add(marked.name)
            if marked.edges is not None and min(marked.edges) < 1:
                self.first_pixel = 0
            self.has_difficult |= marked.is_difficult
            yield marked


def _form(survey: ImageSurvey, size: Size | None, colours: Colours | None, reader: _Reader) -> Form:
    shape: tuple[int, ...] = (
        survey.shape(size, colours)
        if size is not None or survey.is_of_one_size
        else (survey.channels(colours),)
    )
    classes = reader.classes or tuple(natural_order(reader.found))
    return Form(shape, classes, reader.first_pixel, size is not None, reader.has_difficult)


def _report(splits: dict[str, list[Scene]], findings: Findings, form: Form) -> None:
    objects = [each for scenes in splits.values() for scene in scenes for each in scene.objects]
    findings.read("classes", len(form.classes))
    findings.read("objects", len(objects))
    why = "no box begins at pixel 0" if form.first_pixel else "a box begins at pixel 0"
    findings.guessed("the first pixel", str(form.first_pixel), why)
    if difficult := sum(marked.is_difficult for marked in objects):
        why = "they are marked as difficult"
        findings.guessed("objects", "neither trained on nor counted", why, count=difficult)
    if len(form.shape) == 1:
        why = "the images differ in size"
        findings.guessed("images", "stay encoded, each with its size", why, option="--size")


def _chunks(scenes: list[Scene], form: Form, unreadable: Unreadable, *, is_last: bool) -> Chunks:
    """Read the images of a split; after the last split, those that failed are an error."""

    def chunks() -> Iterator[Columns]:
        files = [scene.image for scene in scenes]
        for indices, images in decode_files(files, form.pixels, unreadable):
            boxes = [form.boxes(scenes[index]) for index in indices]
            x: Column = np.stack(images) if len(form.shape) == 3 else RaggedArray.of(images)
            yield {"x": x, "boxes": RaggedArray.of(boxes)}
        if is_last:
            unreadable.check()

    return chunks


def _locate(splits: dict[str, list[Scene]], unreadable: Unreadable, split: str, index: int) -> str:
    files = (str(scene.image) for scene in splits[split])
    return next(islice((f for f in files if f not in unreadable.locations), index, None))


def _by(size: Size | None) -> str:
    assert size is not None
    return f"{size[1]} x {size[0]}"
