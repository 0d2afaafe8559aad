"""The deep Q-network for Atari: convolutions over the last frames, then the value of each action.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning"; dueling: Wang
et al. 2016, "Dueling Network Architectures for Deep Reinforcement Learning".
"""

from torch import Tensor, nn

from distnet.networks.layers import image_shape, initialise
from distnet.spec.sections.section import PositiveInt

__all__ = ("AtariCNN",)


class AtariCNN(nn.Module):
    """Three convolutions without padding, a hidden layer, and one output an action.

    The defaults are those of the paper, for frames of 84 x 84.

    Args:
        channels: the feature maps of each convolution.
        kernels: the side of each convolution's window.
        strides: the pixels between two windows.
        hidden: the neurons of the hidden layer.
        dueling: the value of what is seen and the advantage of each action apart, each with a
            hidden layer of its own; the advantages have the mean 0.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        channels: tuple[PositiveInt, ...] = (32, 64, 64),
        kernels: tuple[PositiveInt, ...] = (8, 4, 3),
        strides: tuple[PositiveInt, ...] = (4, 2, 1),
        hidden: PositiveInt = 512,
        dueling: bool = False,
    ) -> None:
        super().__init__()
        if not len(channels) == len(kernels) == len(strides):
            raise ValueError(
                f"atari-cnn found {len(channels)} channels, {len(kernels)} kernels and "
                f"{len(strides)} strides, expected as many of each"
            )
        maps, height, width = image_shape("atari-cnn", input_shape)
        layers: list[nn.Module] = []
        for out, kernel, stride in zip(channels, kernels, strides, strict=True):
            layers += [initialise(nn.Conv2d(maps, out, kernel, stride), "relu"), nn.ReLU()]
            maps = out
            height, width = (height - kernel) // stride + 1, (width - kernel) // stride + 1
            if min(height, width) < 1:
                raise ValueError(
                    f"atari-cnn with kernels {list(kernels)} and strides {list(strides)} needs "
                    f"larger frames than {input_shape[1]} x {input_shape[2]}"
                )
        self.convolutions = nn.Sequential(*layers, nn.Flatten())
        self.action = _head(maps * height * width, hidden, num_outputs)
        self.state = _head(maps * height * width, hidden, 1) if dueling else None

    def forward(self, x: Tensor) -> Tensor:
        """The value of each action [n, num_outputs], of frames [n, C, H, W] from 0 to 1."""
        features = self.convolutions(x)
        values: Tensor = self.action(features)
        if self.state is None:
            return values
        state: Tensor = self.state(features)
        return state + values - values.mean(1, keepdim=True)


def _head(width: int, hidden: int, num_outputs: int) -> nn.Sequential:
    return nn.Sequential(
        initialise(nn.Linear(width, hidden), "relu"),
        nn.ReLU(),
        initialise(nn.Linear(hidden, num_outputs), None),
    )
