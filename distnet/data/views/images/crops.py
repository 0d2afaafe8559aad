"""Parts of large images and their masks: random crops to train on, tiles of all other splits.

A crop depends on its index and the seed alone. The tiles of an image do not overlap and leave
nothing out, so an evaluation on them counts each pixel once.

Letters: N images of H x W pixels, n parts of s x s pixels.
"""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from pydantic import Field as Limits

from distnet.data.column import Array, Columns, Ints
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.manifest import Manifest
from distnet.data.shuffle import uniform
from distnet.spec.sections.section import PositiveInt

__all__ = ("Crops",)


class Crops:
    """The fields of images and masks, cut alike; other fields are left out.

    Args:
        size: pixels of each side of a part; it divides the sides of the images.
        samples: crops of the split `train`; by default as many as there are tiles in it.
        seed: of the crops.

    Raises:
        ValueError: the images do not have one size, or tiles do not cover them.
    """

    def __init__(
        self,
        data: Manifest,
        *,
        size: Annotated[int, Limits(gt=0)] = 128,
        samples: PositiveInt | None = None,
        seed: int = 0,
    ) -> None:
        whole = {n: f for n, f in data.fields.items() if isinstance(f, ImageField | MaskField)}
        shapes = {field.shape[-2:] for field in whole.values()}
        if len(shapes) != 1 or any(len(f.shape) < 2 for f in whole.values()):
            found = ", ".join(f"{n} ({f.kind} {list(f.shape)})" for n, f in data.fields.items())
            raise ValueError(f"view crops needs images of one size; found {found}")
        ((height, width),) = shapes
        if height % size or width % size:
            raise ValueError(
                f"tiles of {size} x {size} do not cover images of {height} x {width} exactly; "
                "choose a size that divides both sides, or import with --size"
            )
        self.whole: Mapping[str, Field] = whole
        self.fields = {
            name: field.model_copy(update={"shape": (*field.shape[:-2], size, size)})
            for name, field in whole.items()
        }
        self.reads = tuple(whole)
        self._size, self._samples, self._seed = size, samples, seed
        self._grid = height // size, width // size
        self._counts = {name: split.num_samples for name, split in data.splits.items()}

    def num_samples(self, split: str) -> int:
        """Crops of `train`, tiles of another split."""
        if split == "train" and self._samples is not None:
            return self._samples
        rows, columns = self._grid
        return self._counts.get(split, 0) * rows * columns

    def take(self, columns: Columns, ids: Ints, split: str) -> Columns:
        """Cut the parts with these indices."""
        images, tops, lefts = self._random(ids) if split == "train" else self._tiles(ids)
        cut: Columns = {}
        for name in self.reads:
            column = columns[name]
            assert isinstance(column, np.ndarray)
            cut[name] = _parts(column, images, tops, lefts, self._size)
        return cut

    def _random(self, ids: Ints) -> tuple[Ints, Ints, Ints]:
        """The image, the top and the left edge of each crop."""
        rows, columns = self._grid
        room = np.array(
            [self._counts["train"], (rows - 1) * self._size + 1, (columns - 1) * self._size + 1]
        )
        image, top, left = (uniform(ids, 3, self._seed) * room).astype(np.int64).T
        return image, top, left

    def _tiles(self, ids: Ints) -> tuple[Ints, Ints, Ints]:
        """The same of each tile: image after image, row after row."""
        rows, columns = self._grid
        image, tile = np.divmod(ids, rows * columns)
        row, column = np.divmod(tile, columns)
        return image, row * self._size, column * self._size


def _parts(column: Array, images: Ints, tops: Ints, lefts: Ints, size: int) -> Array:
    """Cut [n, ..., s, s] out of [N, ..., H, W]."""
    windows = np.lib.stride_tricks.sliding_window_view(column, (size, size), axis=(-2, -1))
    # The channels of an image stand between its index and the window's: both come first here.
    moved = np.moveaxis(windows, (-4, -3), (1, 2))
    return np.ascontiguousarray(moved[images, tops, lefts])
