"""Scenes composed of the images of a dataset: several digits at random positions in one.

A scene depends on the split, its index and the seed alone. It is made of images of its own split,
so a scene of `test` holds no digit that is trained on.

Letters: n scenes, a of them with a k-th object, h x w an image, H x W a scene, P x Q a patch that
holds the largest object, t candidates.
"""

from collections.abc import Mapping
from functools import cached_property
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Array, Columns, Ints, RaggedArray
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.images.image_file import has_white_paper
from distnet.data.manifest import Manifest
from distnet.data.shuffle import mix, uniform
from distnet.spec.sections.section import Fraction, PositiveFloat, PositiveInt

__all__ = ("Scenes",)

INK = 64
"""From this value on a pixel belongs to its object."""
CANDIDATES = 10
"""Positions that are tried for each object."""
DRAWN = 2 + 2 * CANDIDATES
"""Random numbers of an object: which image, its size, and the candidates."""
DEFAULT = {"train": 20_000, "test": 2_000}
UNIT = 64
"""Weights of an interpolation are multiples of 1 / 64: its sums are exact in any order."""
BACKGROUND = "background"

Floats = NDArray[np.float64]


class Scenes:
    """Fields `x` (image), `boxes` and `mask`: 1 to `objects` objects on black.

    An object is one image of the dataset, scaled. The box is the tightest around its pixels, also
    where a later object covers some of them; in `x` and `mask` the later one is on top. An object
    is put at the first of ten random positions where its box covers no other by more than `overlap`
    of the smaller one's area. It is left out where there is none; the first always has one.

    Args:
        size: pixels of each side of a scene.
        objects: the most in a scene; how many are drawn is uniform.
        scale: the smallest and the largest factor of an image.
        overlap: see above; 0 for boxes that are apart.
        samples: scenes of each split; the default is 20,000 of train, 2,000 of each other.
        seed: of the scenes.

    Raises:
        ValueError: the dataset has no light images of classes, or they do not fit into a scene.
    """

    reads = ("x", "y")

    def __init__(
        self,
        data: Manifest,
        *,
        size: PositiveInt = 64,
        objects: PositiveInt = 4,
        scale: tuple[PositiveFloat, PositiveFloat] = (0.8, 1.2),
        overlap: Fraction = 0.1,
        samples: Mapping[str, PositiveInt] = DEFAULT,
        seed: int = 0,
    ) -> None:
        images = _require_images(data)
        self._size, self._objects, self._overlap = size, objects, overlap
        self._samples, self._seed = DEFAULT | dict(samples), seed
        self._sizes = _sizes(images.shape[1:], scale, size)
        num_pixels = (objects + 1) / 2 * self._sizes.prod(1).mean()
        classes = data.y.classes
        self.fields = {
            "x": _field_of_scenes(images, size, min(1.0, num_pixels / size**2)),
            "boxes": BoxesField(classes=classes),
            "mask": MaskField(shape=(size, size), classes=(BACKGROUND, *classes)),
        }
        self._rows = _interpolations(images.shape[1], self._sizes[:, 0])
        self._columns = _interpolations(images.shape[2], self._sizes[:, 1])

    def num_samples(self, split: str) -> int:
        """Scenes of a split."""
        return self._samples.get(split, DEFAULT["test"])

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """Compose the scenes with these indices."""
        images, classes = columns["x"], columns["y"]
        assert isinstance(images, np.ndarray)
        assert isinstance(classes, np.ndarray)
        key = mix(self._seed, crc32(split.encode()))
        numbers = uniform(ids, 1 + self._objects * DRAWN, key)
        counts = 1 + (numbers[:, 0] * self._objects).astype(np.int64)
        canvas = _Canvas(len(ids), self._size, self._rows.shape[1], self._columns.shape[1])
        drawn = numbers[:, 1:].reshape(len(ids), self._objects, DRAWN)
        for level in range(counts.max(initial=0)):
            scenes = np.flatnonzero(counts > level)
            of_each = drawn[scenes, level]
            rows = (of_each[:, 0] * len(images)).astype(np.int64)
            patches = self._scaled(images[rows, 0], of_each[:, 1])
            canvas.add(scenes, patches, classes[rows], of_each[:, 2:], self._overlap)
        return {"x": canvas.pixels[:, None], "boxes": canvas.boxes, "mask": canvas.mask}

    def _scaled(self, images_ahw: Array, drawn_a: Floats) -> Array:
        """Scale each image to one of the sizes, uint8 [a, P, Q]; the rest of a patch is black."""
        which = (drawn_a * len(self._sizes)).astype(np.int64)
        rows_aPh, columns_aQw = self._rows[which], self._columns[which]
        scaled = rows_aPh @ images_ahw.astype(np.float32) @ columns_aQw.transpose(0, 2, 1)
        return np.rint(scaled / UNIT**2).astype(np.uint8)


class _Canvas:
    """Scenes while objects are added. There is room for a patch at every side."""

    def __init__(self, num: int, size: int, height: int, width: int) -> None:
        self._size, self._patch = size, np.array([height, width])
        self._inside = np.s_[:, height : height + size, width : width + size]
        self._pixels, self._mask = (
            np.zeros((num, size + 2 * height, size + 2 * width), np.uint8) for _ in range(2)
        )
        self._boxes = np.zeros((num, 0, 5))  # without an area where there is none

    @property
    def pixels(self) -> Array:
        """uint8 [n, H, W]."""
        return np.ascontiguousarray(self._pixels[self._inside])

    @property
    def mask(self) -> Array:
        """uint8 [n, H, W]: 0, or 1 + the class of the object on top."""
        return np.ascontiguousarray(self._mask[self._inside])

    @cached_property
    def boxes(self) -> RaggedArray:
        """Of the objects of each scene, in the order in which they were added."""
        is_used = self._boxes[:, :, 2] > 0
        return RaggedArray(self._boxes[is_used].astype(np.float32), is_used.sum(1))

    def add(
        self, scenes: Ints, patches: Array, classes: Array, drawn: Floats, overlap: float
    ) -> None:
        """Add an object to each of some scenes [a], unless it finds no free position."""
        is_ink = patches >= INK
        within = _tight_boxes(is_ink)
        boxes_at4 = self._candidates(within, drawn)
        is_free = _largest_cover(boxes_at4, self._boxes[scenes, :, :4]) <= overlap
        first, found = is_free.argmax(1), is_free.any(1)
        found &= within[:, 2] > 0  # an image without ink
        boxes = boxes_at4[np.arange(len(scenes)), first]
        added = np.zeros((len(self._boxes), 1, 5))
        added[scenes[found], 0] = np.column_stack([boxes, classes])[found]
        self._boxes = np.concatenate([self._boxes, added], axis=1)
        corners = (boxes - within)[found, 1::-1].astype(np.int64) + self._patch
        self._paint(scenes[found], corners, patches[found], is_ink[found], classes[found])

    def _candidates(self, within_a4: Array, drawn: Floats) -> Array:
        """Boxes [a, t, 4] at random positions of a scene."""
        sides = within_a4[:, 2:] - within_a4[:, :2]
        positions = drawn.reshape(len(drawn), CANDIDATES, 2)
        corners = np.floor(positions * (self._size - sides + 1)[:, None])
        return np.concatenate([corners, corners + sides[:, None]], axis=2)

    def _paint(
        self, scenes: Ints, corners: Ints, patches: Array, is_ink: Array, classes: Array
    ) -> None:
        """Lay patches over scenes: ink covers what is below, fainter pixels do not."""
        at = scenes, corners[:, 0], corners[:, 1]
        shape = tuple(self._patch)
        windows = np.lib.stride_tricks.sliding_window_view
        pixels = windows(self._pixels, shape, axis=(1, 2), writeable=True)
        pixels[at] = np.where(is_ink, patches, np.maximum(patches, pixels[at]))
        mask = windows(self._mask, shape, axis=(1, 2), writeable=True)
        mask[at] = np.where(is_ink, (classes + 1).astype(np.uint8)[:, None, None], mask[at])


def _require_images(data: Manifest) -> ImageField:
    x, y = data.fields.get("x"), data.fields.get("y")
    is_grey = isinstance(x, ImageField) and len(x.shape) == 3 and x.shape[0] == 1
    if not is_grey or y is None or y.kind != "class":
        found = ", ".join(f"{n} ({f.kind} {list(f.shape)})" for n, f in data.fields.items())
        raise ValueError(
            f"view scenes needs a dataset of grey images x of one size with a class y, such as "
            f"mnist; found {found}; import images with --size HEIGHTxWIDTH --colours grey"
        )
    assert isinstance(x, ImageField)
    if has_white_paper(x):
        raise ValueError(f"view scenes needs light objects on black, but {data.name} is on white")
    return x


def _sizes(shape: tuple[int, ...], scale: tuple[float, float], size: int) -> Ints:
    """The sizes [s, 2] that an image of `shape` is scaled to: all whole heights in the range."""
    low, high = (max(1, round(factor * shape[0])) for factor in scale)
    heights = np.arange(low, high + 1)
    sizes = np.column_stack([heights, np.maximum(1, np.rint(heights * shape[1] / shape[0]))])
    if not len(sizes):
        raise ValueError(f"found scale {list(scale)}, expected the smallest factor first")
    if sizes.max() > size:
        raise ValueError(
            f"images of {list(shape)} scaled by {scale[1]} do not fit into scenes of size {size}; "
            "lower scale, or raise size"
        )
    return sizes.astype(np.int64)


def _field_of_scenes(images: ImageField, size: int, share: float) -> ImageField:
    """The field x, with the mean and deviation to expect, without overlaps and interpolation.

    Args:
        images: what the scenes are made of.
        size: of a scene.
        share: the part of a scene's pixels that comes from images.
    """
    if not images.mean:
        return ImageField(shape=(1, size, size))
    mean, square = images.mean[0], images.mean[0] ** 2 + images.std[0] ** 2
    std = max(0.0, share * square - (share * mean) ** 2) ** 0.5
    return ImageField(shape=(1, size, size), mean=(share * mean,), std=(std or 1.0,))


def _interpolations(length: int, sizes: Ints) -> NDArray[np.float32]:
    """Matrices [s, largest, length] that scale `length` pixels to each of some sizes, bilinearly.

    Whole numbers, which add up to UNIT in each row; rows beyond a size are 0.
    """
    matrices = np.zeros((len(sizes), sizes.max(), length), np.float32)
    for matrix, size in zip(matrices, sizes, strict=True):
        rows = np.arange(size)
        at = ((rows + 0.5) * length / size - 0.5).clip(0, length - 1)
        left = np.floor(at).astype(np.int64)
        part = np.rint((at - left) * UNIT)
        matrix[rows, left] = UNIT - part
        matrix[rows, np.minimum(left + 1, length - 1)] += part
    return matrices


def _tight_boxes(is_ink: Array) -> Array:
    """The box around the ink of each patch, [a, 4]; 0 where there is none."""
    height, width = is_ink.shape[1:]
    in_rows: Array = is_ink.max(2)
    in_columns: Array = is_ink.max(1)
    left, top = in_columns.argmax(1), in_rows.argmax(1)
    right = width - in_columns[:, ::-1].argmax(1)
    bottom = height - in_rows[:, ::-1].argmax(1)
    has_ink: Array = in_rows.max(1)
    return np.column_stack([left, top, right, bottom]) * has_ink[:, None]


def _largest_cover(boxes_at4: Array, others_ak4: Array) -> Array:
    """How much each box shares with another of its scene, as a part of the smaller one, [a, t]."""
    mine, others = boxes_at4[:, :, None], others_ak4[:, None]
    low = np.maximum(mine[..., :2], others[..., :2])
    high = np.minimum(mine[..., 2:], others[..., 2:])
    shared = (high - low).clip(0).prod(-1)
    smaller = np.minimum(_areas(mine), _areas(others))
    largest: Array = (shared / np.maximum(smaller, 1)).max(axis=2, initial=0)
    return largest


def _areas(boxes: Array) -> Array:
    areas: Array = (boxes[..., 2:] - boxes[..., :2]).prod(-1)
    return areas
