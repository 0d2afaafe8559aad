"""The U-Net that looks at noise."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import nn

from distnet.networks.generators.denoiser import Denoiser, waves


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small operations are slower on several threads, the more so on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("shape", "options"),
    [
        ((1, 28, 28), {}),
        ((3, 16, 24), {"channels": (8, 16, 24), "patch": 1, "blocks": 2}),
        ((1, 8, 8), {"channels": (8,), "patch": 4, "attention": False}),
    ],
    ids=str,
)
def test_the_output_is_an_image_that_depends_on_image_time_and_class(
    shape: tuple[int, ...], options: dict[str, Any]
):
    torch.manual_seed(0)
    network = Denoiser(shape, 3, **options)
    _wake(network)
    images, times, classes = torch.randn(2, *shape), torch.tensor([0.2, 0.9]), torch.eye(3)[:2]

    first = network(images, times, classes)

    assert first.shape == images.shape
    for other in ((images + 1, times, classes), (images, times / 2, classes)):
        assert not torch.allclose(first, network(*other))
    assert not torch.allclose(first, network(images, times, classes.flip(0)))
    gradients = torch.autograd.grad(first.square().sum(), list(network.parameters()))
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


def test_it_starts_with_an_empty_image():
    network = Denoiser((1, 28, 28), 0)

    assert not network(torch.randn(2, 1, 28, 28), torch.rand(2)).any()


def test_times_become_waves_of_unlike_length():
    found = waves(torch.tensor([0.0, 0.001]), 8)

    assert found[0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    angles = torch.tensor([1, 0.1, 0.01, 0.001])
    torch.testing.assert_close(found[1], torch.cat([angles.sin(), angles.cos()]))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"channels": (12, 24)}, r"found channels \[12, 24\], expected multiples of 8"),
        ({"channels": (8, 8, 8)}, "divided by 8, but the data has 28 x 28 pixels"),
    ],
)
def test_what_does_not_fit_is_refused(options: dict[str, Any], problem: str):
    with pytest.raises(ValueError, match=problem):
        Denoiser((1, 28, 28), 0, **options)


def _wake(network: nn.Module) -> None:
    """Blocks start as their shortcuts, with zeros."""
    for parameter in network.parameters():
        if not parameter.any():
            nn.init.normal_(parameter, std=0.3)
