"""What a transform is: a random change in which all fields of a sample move together.

Each sample of a batch has its own numbers. They are drawn from torch's global generator, which
the trainer seeds by (seed, step, slice), and then moves images, masks and boxes alike: a box stays
on its object. A box that has left the image is dropped, one that is cut by its edge is clipped. Of
music, inputs and targets are moved alike (`transpose.py`).

Letters: B samples, C channels, H height, W width, N boxes of all samples.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Protocol, assert_never

import torch
from torch import Tensor

from distnet.data.batch import Batch, Column, Ragged
from distnet.data.fields.field import Field
from distnet.data.fields.mask import VOID, MaskField
from distnet.data.images.image_file import has_white_paper
from distnet.data.transforms.elastic import Bending
from distnet.data.transforms.flip import Flipping
from distnet.data.transforms.jitter import Jittering
from distnet.data.transforms.resized_crop import ResizedCropping
from distnet.data.transforms.rotate import Rotation
from distnet.data.transforms.shift import Shifting
from distnet.data.transforms.transpose import Transposing
from distnet.data.transforms.turn import Turning
from distnet.spec.sections.augmentation import (
    Augmentation,
    Crop,
    Elastic,
    Flip,
    Jitter,
    RandAugment,
    ResizedCrop,
    Rotate,
    Shift,
    Transpose,
    Turn,
)

Transform = Callable[[Batch], Batch]


class Movement(Protocol):
    """One kind of transform of images."""

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """Draw the numbers of each sample, [B, ...] or [..., B, ...]."""
        ...

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Move images, uint8, whose pixels may be mixed."""
        ...

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Move masks, uint8, whose pixels may not be mixed."""
        ...

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """Move boxes (left, top, right, bottom); `size` is (W, H)."""
        ...


def build_transform(steps: Sequence[Augmentation], fields: Mapping[str, Field]) -> Transform | None:
    """Make one transform from the job's list; None where the list is empty.

    Args:
        steps: of `data.augment`.
        fields: of a sample.
    """
    transforms = [made for step in steps if (made := _build(step, fields)) is not None]
    if not transforms:
        return None

    def transform(batch: Batch) -> Batch:
        for each in transforms:
            batch = each(batch)
        return batch

    return transform


def _build(step: Augmentation, fields: Mapping[str, Field]) -> Transform | None:
    """One step of the list; None where there is nothing that it changes."""
    kinds = {field.kind for field in fields.values()}
    if isinstance(step, Transpose):
        return Transposing(step.semitones, fields) if "music" in kinds else None
    if isinstance(step, RandAugment):
        return _rand_augmenting(step, fields) if "image" in kinds else None
    return _moving(_movement(step), fields) if "image" in kinds else None


def _rand_augmenting(step: RandAugment, fields: Mapping[str, Field]) -> Transform:
    """Change images alone; torchvision's transforms take a second to import."""
    module = import_module("distnet.data.transforms.rand_augment")
    made: Transform = module.RandAugmenting(step.num_ops, step.magnitude, fields)
    return made


def _moving(movement: Movement, fields: Mapping[str, Field]) -> Transform:
    """Move images, and what lies on them."""
    first = next(name for name, field in fields.items() if field.kind == "image")

    def transform(batch: Batch) -> Batch:
        images = batch.tensor(first)
        size = torch.tensor(images.shape[:-3:-1], dtype=torch.float32)
        drawn = movement.draw(len(batch), images.device)
        moved = {n: _move(batch[n], fields[n], movement, drawn, size) for n in fields}
        return batch.with_(**moved)

    return transform


def _movement(
    step: Crop | ResizedCrop | Shift | Flip | Rotate | Turn | Elastic | Jitter,
) -> Movement:
    movement: Movement
    match step:
        case Crop(padding=pixels) | Shift(pixels=pixels):
            movement = Shifting(pixels)
        case ResizedCrop(scale=scale, ratio=ratio):
            movement = ResizedCropping(scale, ratio)
        case Flip(probability=probability):
            movement = Flipping(probability)
        case Rotate(degrees=degrees):
            movement = Rotation(degrees)
        case Turn():
            movement = Turning()
        case Elastic(pixels=pixels, points=points):
            movement = Bending(pixels, points)
        case Jitter(brightness=brightness, contrast=contrast):
            movement = Jittering(brightness, contrast)
        case _:
            assert_never(step)
    return movement


def _move(column: Column, field: Field, movement: Movement, drawn: Tensor, size: Tensor) -> Column:
    if field.kind == "image" and isinstance(column, Tensor):
        if has_white_paper(field):  # what comes in is black, so the negative is moved
            return 255 - movement.images(255 - column, drawn)
        return movement.images(column, drawn)
    if isinstance(field, MaskField) and isinstance(column, Tensor):
        if field.ignore_index is not None:  # what comes in is 0, and has no class
            return VOID - movement.masks(VOID - column[:, None], drawn)[:, 0]
        return movement.masks(column[:, None], drawn)[:, 0]
    if field.kind == "boxes" and isinstance(column, Ragged):
        samples = column.sample_of_value
        corners = movement.corners(column.values[:, :4], samples, drawn, size.to(samples.device))
        return _clipped(column, corners, size.to(samples.device))
    return column


def _clipped(boxes: Ragged, corners_N4: Tensor, size: Tensor) -> Ragged:
    """Clip boxes to the image, and drop those that have left it."""
    corners = torch.minimum(corners_N4.clamp_min(0), size.repeat(2))
    is_left = (corners[:, 2:] > corners[:, :2]).all(1)
    lengths = torch.zeros_like(boxes.lengths)
    lengths.index_add_(0, boxes.sample_of_value, is_left.to(lengths.dtype))
    return Ragged(torch.cat([corners, boxes.values[:, 4:]], 1)[is_left], lengths)
