"""Parts of large images and their masks: random crops to train on, tiles of all other splits.

A crop depends on its index and the seed alone. Tiles cover an image; where they overlap, a pixel
has its class in the tile where it is farther from the edge, and none in the others. So an
evaluation on them counts each pixel once.

Letters: N images of H x W pixels, n parts of s x s pixels.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field as Limits

from distnet.data.column import Array, Columns, Ints
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import VOID, MaskField
from distnet.data.manifest import Manifest
from distnet.data.shuffle import uniform
from distnet.spec.sections.section import PositiveInt

__all__ = ("Crops",)


class Crops:
    """The fields of images and masks, cut alike; other fields are left out.

    Args:
        size: pixels of each side of a part.
        margin: pixels at each side of a tile that another tile shows as well, so that a network
            sees what is around the pixels that are measured.
        samples: crops of the split `train`; by default as many as there are tiles in it.
        seed: of the crops.

    Raises:
        ValueError: the images do not have one size, or are too small; or tiles overlap, and there
            is no mask that says which pixels count.
    """

    def __init__(
        self,
        data: Manifest,
        *,
        size: PositiveInt = 128,
        margin: Annotated[int, Limits(ge=0)] = 0,
        samples: PositiveInt | None = None,
        seed: int = 0,
    ) -> None:
        whole = {n: f for n, f in data.fields.items() if isinstance(f, ImageField | MaskField)}
        shapes = {field.shape[-2:] for field in whole.values()}
        if len(shapes) != 1 or any(len(f.shape) < 2 for f in whole.values()):
            found = ", ".join(f"{n} ({f.kind} {list(f.shape)})" for n, f in data.fields.items())
            raise ValueError(f"view crops needs images of one size; found {found}")
        ((height, width),) = shapes
        if size > min(height, width):
            raise ValueError(f"parts of {size} x {size} do not fit into {height} x {width} pixels")
        if 2 * margin >= size:
            raise ValueError(f"margins of {margin} leave nothing of {size} pixels; lower margin")
        self._axes = _Axis.of(height, size, margin), _Axis.of(width, size, margin)
        has_void = any(axis.has_overlap for axis in self._axes)
        if has_void and not any(isinstance(field, MaskField) for field in whole.values()):
            raise ValueError(
                f"tiles of {size} x {size} do not cover images of {height} x {width} exactly, and "
                "there is no mask; choose a size that divides both sides, and no margin"
            )
        self.whole: Mapping[str, Field] = whole
        self.fields = {name: _field_of_parts(f, size, has_void) for name, f in whole.items()}
        self.reads = tuple(whole)
        self._size, self._samples, self._seed = size, samples, seed
        self._room = (height - size + 1, width - size + 1)
        self._counts = {name: split.num_samples for name, split in data.splits.items()}

    def num_samples(self, split: str) -> int:
        """Crops of `train`, tiles of another split."""
        if split == "train" and self._samples is not None:
            return self._samples
        rows, columns = self._axes
        return self._counts.get(split, 0) * len(rows.starts) * len(columns.starts)

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """Cut the parts with these indices."""
        is_train = split == "train"
        images, tops, lefts, is_counted = self._random(ids) if is_train else self._tiles(ids)
        cut: Columns = {}
        for name, field in self.fields.items():
            column = columns[name]
            assert isinstance(column, np.ndarray)
            parts = _parts(column, images, tops, lefts, self._size)
            if isinstance(field, MaskField) and is_counted is not None:
                parts = np.where(is_counted, parts, np.uint8(VOID))
            cut[name] = parts
        return cut

    def _random(self, ids: Ints) -> tuple[Ints, Ints, Ints, None]:
        """The image, the top and the left edge of each crop."""
        room = np.array([self._counts["train"], *self._room])
        image, top, left = (uniform(ids, 3, self._seed) * room).astype(np.int64).T
        return image, top, left, None

    def _tiles(self, ids: Ints) -> tuple[Ints, Ints, Ints, Array | None]:
        """The same of each tile, image after image, row after row; and which pixels count."""
        rows, columns = self._axes
        image, tile = np.divmod(ids, len(rows.starts) * len(columns.starts))
        row, column = np.divmod(tile, len(columns.starts))
        is_counted = None
        if rows.has_overlap or columns.has_overlap:
            is_counted = rows.is_counted[row][:, :, None] & columns.is_counted[column][:, None]
        return image, rows.starts[row], columns.starts[column], is_counted


@dataclass(frozen=True)
class _Axis:
    """Tiles along one side of an image."""

    starts: Ints
    """Where each begins."""
    is_counted: Array
    """Which of its pixels are counted in it, bool [tiles, s]."""

    @classmethod
    def of(cls, length: int, size: int, margin: int) -> "_Axis":
        """Cover `length` pixels; the last tile ends with them."""
        step = size - 2 * margin
        number = 1 + -(-(length - size) // step)
        starts = np.minimum(np.arange(number) * step, length - size)
        borders = np.array([0, *(starts[1:] + starts[:-1] + size) // 2, length])
        at = starts[:, None] + np.arange(size)
        return cls(starts, (at >= borders[:-1, None]) & (at < borders[1:, None]))

    @property
    def has_overlap(self) -> bool:
        """Whether some pixels are in several tiles."""
        return not self.is_counted.all()


def _field_of_parts(field: Field, size: int, has_void: bool) -> Field:
    changed: dict[str, Any] = {"shape": (*field.shape[:-2], size, size)}
    if has_void and isinstance(field, MaskField):
        changed["ignore_index"] = VOID
    return type(field).model_validate(field.model_copy(update=changed).model_dump())


def _parts(column: Array, images: Ints, tops: Ints, lefts: Ints, size: int) -> Array:
    """Cut [n, ..., s, s] out of [N, ..., H, W]."""
    windows = np.lib.stride_tricks.sliding_window_view(column, (size, size), axis=(-2, -1))
    # The channels of an image stand between its index and the window's: both come first here.
    moved = np.moveaxis(windows, (-4, -3), (1, 2))
    return np.ascontiguousarray(moved[images, tops, lefts])
