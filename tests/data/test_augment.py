"""Augmentation changes each image on its own, by what the job says, reproducibly."""

import pytest
import torch
from torch import Tensor

from distnet.data.augment import build_augmentation
from distnet.spec.sections.augmentation import Augmentation, Crop, Flip, Rotate, Shift


@pytest.fixture
def images() -> Tensor:
    """64 images with one bright, off-centre spot of nine pixels."""
    x_BCHW = torch.zeros(64, 1, 20, 20, dtype=torch.uint8)
    x_BCHW[:, :, 4:7, 9:12] = 200
    return x_BCHW


ALL = [Crop(kind="crop", padding=3), Flip(kind="flip"), Shift(kind="shift"), Rotate(kind="rotate")]


@pytest.mark.parametrize("step", ALL, ids=lambda step: step.kind)
def test_augmentation_is_a_function_of_the_generator_alone(
    step: Augmentation, images: Tensor
) -> None:
    augment = build_augmentation([step])
    assert augment is not None

    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(images))

    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].shape == images.shape
    assert results[0].dtype == torch.uint8
    assert len({image.numpy().tobytes() for image in results[0]}) > 1


def test_shift_moves_by_at_most_the_pixels_asked(images: Tensor) -> None:
    augment = build_augmentation([Shift(kind="shift", pixels=2)])
    assert augment is not None

    moved = augment(images)

    rows, columns = moved.amax(3).float().argmax(2)[:, 0], moved.amax(2).float().argmax(2)[:, 0]
    assert moved.sum((1, 2, 3)).unique().tolist() == [200 * 9]
    assert set(rows.tolist()) == {2, 3, 4, 5, 6}
    assert set(columns.tolist()) == {7, 8, 9, 10, 11}


def test_flip_mirrors_the_part_asked(images: Tensor) -> None:
    always = build_augmentation([Flip(kind="flip", probability=1.0)])
    never = build_augmentation([Flip(kind="flip", probability=0.0)])
    assert always is not None
    assert never is not None

    images[:, :, 0, 0] = 9
    assert torch.equal(always(images), images.flip(-1))
    assert torch.equal(never(images), images)


def test_rotate_keeps_the_middle_and_the_brightness(images: Tensor) -> None:
    augment = build_augmentation([Rotate(kind="rotate", degrees=15)])
    assert augment is not None

    turned = augment(images).float()

    assert (turned.sum((1, 2, 3)) / (200 * 9) - 1).abs().max() < 0.25
    assert not torch.equal(turned, images.float())


def test_no_augmentation_is_none() -> None:
    assert build_augmentation([]) is None
