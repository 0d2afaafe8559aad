"""A residual network for small images.

Source: He et al. 2016, section 4.2: three stages of n blocks, 6 n + 2 layers in all. Where a stage
begins, the shortcut is a 1 x 1 convolution instead of padding with zeros. The last normalisation of
each block starts at zero, so that every block starts as the identity (Goyal et al. 2017).
"""

from collections import OrderedDict
from typing import Literal

from torch import Tensor, nn

from distnet.networks.layers import image_shape, initialise
from distnet.spec.sections.section import PositiveInt

__all__ = ("ResNet",)


class ResNet(nn.Sequential):
    """Residual blocks in three stages; each stage halves the image and doubles the feature maps.

    Args:
        depth: the number of layers; 6 for each block of every stage, and 2.
        width: the feature maps of the first stage.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        depth: Literal[8, 14, 20, 26, 32, 38, 44, 50, 56] = 20,
        width: PositiveInt = 16,
    ) -> None:
        channels, height, columns = image_shape("resnet", input_shape)
        if min(height, columns) < 4:
            raise ValueError(
                f"resnet halves the image twice and needs at least 4 x 4 pixels, but the data has "
                f"{height} x {columns}; use mlp"
            )
        layers: OrderedDict[str, nn.Module] = OrderedDict(
            conv=_conv(channels, width), norm=nn.BatchNorm2d(width), activation=nn.ReLU()
        )
        maps = width
        for stage in range(3):
            for block in range((depth - 2) // 6):
                stride = 2 if stage > 0 and block == 0 else 1
                layers[f"block{stage + 1}_{block + 1}"] = _Block(maps, width << stage, stride)
                maps = width << stage
        layers["mean"] = _Mean()
        layers["output"] = initialise(nn.Linear(maps, num_outputs), None)
        super().__init__(layers)


class _Block(nn.Module):
    """Two convolutions, added to a shortcut around them."""

    def __init__(self, maps_in: int, maps_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _conv(maps_in, maps_out, stride=stride)
        self.norm1 = nn.BatchNorm2d(maps_out)
        self.conv2 = _conv(maps_out, maps_out)
        self.norm2 = nn.BatchNorm2d(maps_out)
        self.activation = nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or maps_in != maps_out:
            self.shortcut = nn.Sequential(
                _conv(maps_in, maps_out, kernel=1, stride=stride), nn.BatchNorm2d(maps_out)
            )
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.activation(self.norm1(self.conv1(x)))
        total: Tensor = self.norm2(self.conv2(inner)) + self.shortcut(x)
        activated: Tensor = self.activation(total)
        return activated


class _Mean(nn.Module):
    """The mean of each feature map, [n, C, H, W] to [n, C]."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3))


def _conv(maps_in: int, maps_out: int, *, kernel: int = 3, stride: int = 1) -> nn.Conv2d:
    conv = nn.Conv2d(maps_in, maps_out, kernel, stride=stride, padding=kernel // 2, bias=False)
    return initialise(conv, "relu")
