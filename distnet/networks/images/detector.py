"""A small one-stage detector without anchors, which trains from scratch.

Source: Tian et al. 2019, "FCOS: Fully Convolutional One-Stage Object Detection": each cell of a map
gives a class, the distances to the four edges of the box around it, and how well that box fits.
Lin et al. 2017, "Feature Pyramid Networks": coarse maps are added to finer ones. The backbone has
plain residual blocks, with group normalisation (Wu and He 2018), which does not depend on the other
images of a slice.
"""

from math import gcd

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.networks.layers import image_shape, initialise
from distnet.spec.sections.section import PositiveInt

__all__ = ("Detector",)

MOST_GROUPS = 8
PRIOR = -4.6
"""Logit of 0.01: at first every cell is believed to be empty (Lin et al. 2017, focal loss)."""


class Detector(nn.Module):
    """Maps of outputs, one for each of the coarsest stages.

    The outputs of a cell: a logit for each class, the logarithms of the distances from the cell's
    centre to left, top, right and bottom, in cells, and the logit of the quality of the box.

    Args:
        channels: feature maps of each stage; the first halves the image, as does each that follows.
        levels: how many of the last stages have outputs.
        blocks: residual blocks of each stage behind the first.
        width: feature maps before the outputs.
        depth: convolutions before the outputs of classes, and as many before those of boxes.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        channels: tuple[PositiveInt, ...] = (16, 32, 64, 96),
        levels: PositiveInt = 2,
        blocks: PositiveInt = 1,
        width: PositiveInt = 64,
        depth: PositiveInt = 2,
    ) -> None:
        super().__init__()
        maps, height, columns = image_shape("detector", input_shape)
        if levels >= len(channels):
            raise ValueError(
                f"detector has {len(channels)} stages and levels: {levels}; list more channels, or "
                "lower levels: the first stage has no outputs"
            )
        if min(height, columns) < 2 ** len(channels):
            raise ValueError(
                f"detector with {len(channels)} stages needs at least {2 ** len(channels)} pixels "
                f"a side, but the data has {height} x {columns}; list fewer channels"
            )
        self.stem = _Unit(maps, channels[0], stride=2)
        self.stages = nn.ModuleList()
        for before, after in zip(channels, channels[1:], strict=False):
            inner = [_Block(after) for _ in range(blocks)]
            self.stages.append(nn.Sequential(_Unit(before, after, stride=2), *inner))
        self.lateral = nn.ModuleList(
            initialise(nn.Conv2d(maps, width, 1), None) for maps in channels[-levels:]
        )
        self.classes = nn.Sequential(*(_Unit(width, width) for _ in range(depth)))
        self.boxes = nn.Sequential(*(_Unit(width, width) for _ in range(depth)))
        self.to_class = initialise(nn.Conv2d(width, num_outputs - 5, 3, padding=1), None)
        assert self.to_class.bias is not None
        nn.init.constant_(self.to_class.bias, PRIOR)
        self.to_box = initialise(nn.Conv2d(width, 5, 3, padding=1), None)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Compute outputs [n, num_outputs, h, w] of each level, the finest first."""
        maps, x = [], self.stem(x)
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        pyramid: list[Tensor] = []
        for lateral, found in zip(reversed(self.lateral), reversed(maps), strict=False):
            level = lateral(found)
            if pyramid:
                level = level + F.interpolate(pyramid[0], size=level.shape[-2:])
            pyramid.insert(0, level)
        return [self._outputs(level) for level in pyramid]

    def _outputs(self, level: Tensor) -> Tensor:
        return torch.cat(
            [self.to_class(self.classes(level)), self.to_box(self.boxes(level))], dim=1
        )


class _Unit(nn.Sequential):
    """A convolution, its normalisation and the activation."""

    def __init__(self, maps_in: int, maps_out: int, *, stride: int = 1) -> None:
        conv = nn.Conv2d(maps_in, maps_out, 3, stride=stride, padding=1, bias=False)
        super().__init__(
            initialise(conv, "relu"),
            nn.GroupNorm(gcd(MOST_GROUPS, maps_out), maps_out),
            nn.ReLU(),
        )


class _Block(nn.Module):
    """Two convolutions, added to what came in."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.first, self.second = _Unit(maps, maps), _Unit(maps, maps)

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = x + self.second(self.first(x))
        return total
