"""Images and their masks, in two folders with files of the same names, such as `7.png`.

The two folders (`image`, `label`) may lie in one for each split (`train/image`), or have one for
each split inside (`image/train`). A mask is a palette PNG, whose indices are taken, or an
image of grey values. Values that begin at 0 without gaps are the classes; others, such as 0 and
255, are numbered in their order. Pixels of an `ignore_index`, such as 255 in Pascal VOC, have no
class.
"""

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from distnet.data.column import Columns
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import VOID, MaskField
from distnet.data.images.decode import Colours, ImageHeader, Size, read_header, read_image
from distnet.data.images.mask_file import read_mask
from distnet.data.sources._splits import split_of
from distnet.data.sources.files.class_names import check_names, natural_order
from distnet.data.sources.files.kinds import IMAGES
from distnet.data.sources.files.tree import list_files
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.mask_classes import Values, read_classes
from distnet.data.sources.images.pairs import Pair, find_pairs, has_pairs
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.images import ImageSurvey
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

CHUNK_IMAGES = 16
MORE_THAN = "image-folder"


@dataclass(frozen=True)
class _Read:
    """How pairs are read."""

    shape: tuple[int, ...]
    size: Size | None
    classes: Values
    """The class of each value [256]."""

    def __call__(self, pair: Pair) -> tuple[Values, Values] | DataError:
        """The image [C, H, W] and the classes of its pixels [H, W]."""
        try:
            is_resized, location = self.size is not None, str(pair.image)
            image = read_image(
                pair.image, location=location, shape=self.shape, resize=is_resized, is_whole=True
            )
            return image, self.classes[read_mask(pair.mask, size=self.size)]
        except DataError as error:
            return error


def detect(path: Path) -> bool:
    """Whether it has a folder of images and one of masks, with files of the same names."""
    return path.is_dir() and has_pairs(path)


def read(
    path: Path,
    *,
    images: str | None = None,
    masks: str | None = None,
    classes: Sequence[str] = (),
    ignore_index: Sequence[int] = (),
    size: Size | None = None,
    colours: Colours | None = None,
    skip_unreadable: bool = False,
) -> RawData:
    """List all pairs, and read the headers of the images and the values of the masks.

    Args:
        path: the folder.
        images: the name of the folders of images; else found by their names.
        masks: the same of the masks.
        classes: names of the classes 0, 1, ...; else the values are their names.
        ignore_index: values of pixels that have no class.
        size: height and width that all get, by scaling each side apart.
        colours: of the images, `grey` or `rgb`; else grey where all are.
        skip_unreadable: leave out, and count, the pairs that cannot be read.

    Raises:
        DataError: there are no pairs, a file has no partner or cannot be read, or sizes differ.
    """
    if not path.is_dir():
        raise DataError(f"{path}: a file, expected a folder with a folder of images and of masks")
    check_names(classes)
    findings = Findings()
    survey = ImageSurvey(findings, is_whole=True)
    unreadable = Unreadable(findings, skip=skip_unreadable)
    tree = list_files(path, findings, unreadable, IMAGES)
    found = _surveyed(find_pairs(path, tree, (images, masks), findings, unreadable), unreadable)
    values = {pair: each for pair, (_, each) in found.items()}
    names, class_of = read_classes(values, classes, ignore_index, unreadable, findings)
    unreadable.check()
    pairs = [pair for pair in found if not _is_bad(pair, unreadable)]
    for pair in pairs:
        survey.add(found[pair][0], location=str(pair.image))
    shape, splits = survey.shape(size, colours), _splits(pairs)
    findings.read("pairs of image and mask", sum(map(len, splits.values())))
    reader = _Read(shape, size, class_of)
    void = VOID if ignore_index else None
    mask = MaskField(shape=shape[1:], classes=names, ignore_index=void)
    return RawData(
        fields={"x": ImageField(shape=shape), "mask": mask},
        splits={
            split: _chunks(part, reader, unreadable, is_last=split == list(splits)[-1])
            for split, part in splits.items()
        },
        num_samples=sum(map(len, splits.values())),
        findings=findings,
        locate=partial(_locate, splits, unreadable),
    )


def _surveyed(
    pairs: Sequence[Pair], unreadable: Unreadable
) -> dict[Pair, tuple[ImageHeader, Values]]:
    """The header of each image and the values in its mask, without those that cannot be read."""

    def survey(pair: Pair) -> tuple[ImageHeader, Values] | DataError:
        try:
            values = read_mask(pair.mask)
            header = read_header(pair.image, location=str(pair.image))
            _require_same_size(pair, (header.height, header.width), values.shape)
        except DataError as error:
            return error
        return header, np.unique(values)

    found = {}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for pair, result in zip(pairs, pool.map(survey, pairs), strict=True):
            if isinstance(result, DataError):
                unreadable.add(str(pair.image), result)
            else:
                found[pair] = result
    return found


def _require_same_size(pair: Pair, image: tuple[int, ...], mask: tuple[int, ...]) -> None:
    if image != mask:
        image_size, mask_size = ("x".join(map(str, size)) for size in (image, mask))
        raise DataError(
            f"{pair.mask}: the mask is {mask_size}, but its image {pair.image} is {image_size} "
            "(height x width); make both of one size"
        )


def _is_bad(pair: Pair, unreadable: Unreadable) -> bool:
    return str(pair.image) in unreadable.locations


def _splits(pairs: Sequence[Pair]) -> dict[str, list[Pair]]:
    """The pairs of each split, by the names of the folders; one called `all` where none says so."""
    found: dict[str, list[Pair]] = defaultdict(list)
    by_name = {"/".join(pair.key): pair for pair in pairs}
    for pair in map(by_name.__getitem__, natural_order(by_name)):
        split = next(filter(None, map(split_of, pair.key[:-1])), "all")
        found[split].append(pair)
    if "train" in found:
        return {"train": found.pop("train"), **found}
    return {"all": [pair for part in found.values() for pair in part]}


def _locate(
    splits: Mapping[str, Sequence[Pair]], unreadable: Unreadable, split: str, index: int
) -> str:
    readable = (pair.image for pair in splits[split] if not _is_bad(pair, unreadable))
    return str(next(islice(readable, index, None)))


def _chunks(
    pairs: Sequence[Pair], read_one: _Read, unreadable: Unreadable, *, is_last: bool
) -> Chunks:
    """Decode the pairs of a split; after the last split, those that failed are an error."""

    def chunks() -> Iterator[Columns]:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for start in range(0, len(pairs), CHUNK_IMAGES):
                part, read = pairs[start : start + CHUNK_IMAGES], []
                for pair, result in zip(part, pool.map(read_one, part), strict=True):
                    if isinstance(result, DataError):
                        unreadable.add(str(pair.image), result)
                    else:
                        read.append(result)
                if read:
                    x, mask = zip(*read, strict=True)
                    yield {"x": np.stack(x), "mask": np.stack(mask)}
        if is_last:
            unreadable.check()

    return chunks
