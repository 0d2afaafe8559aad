"""The detector: maps of each level, from images of any size."""

from typing import Any

import pytest
import torch

from distnet.networks.images.detector import Detector


@pytest.mark.parametrize(
    ("options", "maps"),
    [
        ({}, [(13, 9), (7, 5)]),
        ({"levels": 1, "channels": (4, 8)}, [(25, 18)]),
        ({"levels": 3, "blocks": 0}, [(25, 18), (13, 9), (7, 5)]),
    ],
)
def test_levels_halve_the_image_and_round_up(
    options: dict[str, Any], maps: list[tuple[int, int]]
) -> None:
    network = Detector((3, 100, 70), 9, **options)

    outputs = network(torch.randn(2, 3, 100, 70))

    assert [tuple(level.shape) for level in outputs] == [(2, 9, *size) for size in maps]
    sum(level.sum() for level in outputs).backward()
    assert all(p.grad is not None for p in network.parameters())


def test_first_outputs_say_that_nothing_is_there() -> None:
    torch.manual_seed(0)
    [fine, coarse] = Detector((1, 64, 64), 7)(torch.randn(4, 1, 64, 64))

    for level in (fine, coarse):
        assert level[:, :2].sigmoid().mean() < 0.05


def test_images_do_not_depend_on_one_another() -> None:
    network, x = Detector((1, 32, 32), 7), torch.randn(3, 1, 32, 32)

    for whole, one in zip(network(x), network(x[1:2]), strict=True):
        torch.testing.assert_close(whole[1:2], one)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((1, 8, 32), {}, "at least 16 pixels a side, but the data has 8 x 32"),
        ((1, 32, 32), {"levels": 4}, "4 stages and levels: 4"),
        ((13,), {}, "takes images"),
    ],
)
def test_what_does_not_fit_is_named(
    shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Detector(shape, 7, **options)
