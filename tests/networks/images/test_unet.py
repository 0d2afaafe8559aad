"""The U-Net: outputs for each pixel of images of any size."""

import pytest
import torch

from distnet.networks.images.unet import UNet


@pytest.mark.parametrize("size", [(16, 16), (13, 22), (1, 5)])
def test_outputs_have_the_size_of_the_image(size: tuple[int, int]) -> None:
    network = UNet((3, 16, 16), 5, channels=4, depth=2)
    x = torch.randn(2, 3, *size)

    assert network(x).shape == (2, 5, *size)


def test_what_is_filled_up_changes_nothing_inside() -> None:
    """An image that is larger by pixels of 0 has the same outputs where it is the same."""
    torch.manual_seed(0)
    network = UNet((1, 8, 8), 2, channels=4, depth=2).eval()
    x = torch.randn(1, 1, 10, 6)
    whole = torch.zeros(1, 1, 12, 8)
    whole[..., :10, :6] = x

    torch.testing.assert_close(network(x), network(whole)[..., :10, :6])


def test_every_parameter_learns_and_levels_double() -> None:
    network = UNet((1, 8, 8), 3, channels=4, depth=2, batch_norm=False)
    network(torch.randn(2, 1, 8, 8)).square().sum().backward()

    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
    widths = {p.shape[0] for p in network.parameters() if p.ndim == 4}
    assert widths == {3, 4, 8, 16}
    assert not any("norm" in type(module).__name__.lower() for module in network.modules())


def test_each_level_sees_about_twice_as_far() -> None:
    seen = []
    for depth in (1, 2, 3):
        torch.manual_seed(1)
        network = UNet((1, 128, 128), 1, channels=8, depth=depth).eval()
        x = torch.randn(1, 1, 128, 128, requires_grad=True)
        network(x)[0, 0, 60:64, 60:64].sum().backward()
        assert x.grad is not None
        rows = x.grad[0, 0].abs().sum(1).nonzero()
        seen.append(int(rows.max() - rows.min()) + 1)

    assert seen == [20, 48, 100]
