"""The deep Q-network for Atari, against the paper's numbers and a forward by hand."""

import pytest
import torch
from torch.nn import functional as F

from tests.networks.test_networks import count, make

FRAMES = (4, 84, 84)


def test_the_default_is_the_network_of_the_paper() -> None:
    network = make("atari-cnn", FRAMES, 18)
    convolutions = 32 * (4 * 64 + 1) + 64 * (32 * 16 + 1) + 64 * (64 * 9 + 1)
    layers = 512 * (64 * 7 * 7 + 1) + 18 * (512 + 1)

    assert count(network) == convolutions + layers
    assert network(torch.zeros(3, *FRAMES)).shape == (3, 18)


def test_dueling_advantages_have_the_mean_0() -> None:
    network = make("atari-cnn", FRAMES, 4, hidden=16, dueling=True)
    x = torch.rand(2, *FRAMES)
    values = network(x)

    features = x
    for index, stride in ((0, 4), (2, 2), (4, 1)):
        layer = network.convolutions[index]
        features = F.conv2d(features, layer.weight, layer.bias, stride).relu()
    state = network.state(features.flatten(1))

    torch.testing.assert_close(values.mean(1, keepdim=True), state)
    assert values.std(1).min() > 0


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((4, 30, 30), {}, r"needs larger frames than 30 x 30"),
        ((4,), {}, r"atari-cnn takes images"),
        (FRAMES, {"kernels": (8, 4)}, r"3 channels, 2 kernels and 3 strides, expected as many"),
    ],
)
def test_what_does_not_fit_is_refused(
    shape: tuple[int, ...], options: dict[str, tuple[int, ...]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make("atari-cnn", shape, 4, **options)
