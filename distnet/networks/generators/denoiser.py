"""A small U-Net that looks at a noisy image and a time: what diffusion and flow matching train.

The image is halved at each level on the way down, and doubled on the way up, where the features of
the same size from the way down stand beside it.

Source: Ronneberger, Fischer and Brox 2015 (U-Net); Ho, Jain and Abbeel 2020 (time embedding, group
normalisation, attention at the smallest size); Dhariwal and Nichol 2021 (the time scales and shifts
what was normalised); Shi et al. 2016 (pixels in blocks as channels, by which a patch of 2 x 2
pixels costs what one would).

Letters: n images [n, C, H, W] in [-1, 1], K classes, E numbers that embed time and class.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.networks.layers import image_shape
from distnet.spec.sections.section import PositiveInt

__all__ = ("Denoiser",)

GROUP = 8
"""Feature maps that are normalised together."""
LONGEST = 10_000
"""The ratio of the longest to the shortest wave of the time embedding."""


class Denoiser(nn.Module):
    """A U-Net with a time (and a class) as further inputs; the output has the shape of the image.

    It is made from the shape of the images and the number of classes that it is given (0: none).

    Args:
        channels: the feature maps of each level, multiples of 8; each level halves the image.
        blocks: residual blocks at each level, on the way down and on the way up.
        patch: the side in pixels of the patches that the first layer makes of the image.
        attention: whether the smallest level attends to all of its positions.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        channels: tuple[PositiveInt, ...] = (32, 64),
        blocks: PositiveInt = 1,
        patch: PositiveInt = 2,
        attention: bool = True,
    ) -> None:
        super().__init__()
        num_maps, height, width = image_shape("denoiser", input_shape)
        _check(height, width, channels, patch)
        self.num_classes, self._width = num_classes, 4 * channels[0]
        self.embed_time = nn.Sequential(
            nn.Linear(self._width // 2, self._width), nn.SiLU(), nn.Linear(self._width, self._width)
        )
        self.embed_class = nn.Linear(num_classes, self._width, bias=False) if num_classes else None
        self.into = nn.Sequential(
            nn.PixelUnshuffle(patch), nn.Conv2d(num_maps * patch**2, channels[0], 3, padding=1)
        )
        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        self.shrink, self.grow = nn.ModuleList(), nn.ModuleList()
        maps = channels[0]
        for level, wide in enumerate(channels):
            self.down.append(Blocks(maps, wide, self._width, blocks))
            maps = wide
            if level < len(channels) - 1:
                self.shrink.append(nn.Conv2d(maps, maps, 3, 2, 1))
        self.middle = Blocks(maps, maps, self._width, 1)
        self.attention = Attention(maps) if attention else nn.Identity()
        for level, wide in reversed(list(enumerate(channels))):
            self.up.append(Blocks(2 * wide, wide, self._width, blocks))
            if level:
                self.grow.append(nn.ConvTranspose2d(wide, channels[level - 1], 2, 2))
        last = nn.Conv2d(channels[0], num_maps * patch**2, 3, padding=1)
        for parameter in last.parameters():
            nn.init.zeros_(parameter)
        self.out = nn.Sequential(_norm(channels[0]), nn.SiLU(), last, nn.PixelShuffle(patch))

    def forward(self, images: Tensor, time: Tensor, classes: Tensor | None = None) -> Tensor:
        """[n, C, H, W] of noisy images at times [n] from 0 to 1; the classes are one-hot."""
        embedding = self.embed_time(waves(time, self._width // 2))
        if self.embed_class is not None and classes is not None:
            embedding = embedding + self.embed_class(classes)
        x, beside = self.into(images), list[Tensor]()
        for level, blocks in enumerate(self.down):
            x = blocks(x if level == 0 else self.shrink[level - 1](x), embedding)
            beside.append(x)
        x = self.middle(self.attention(x), embedding)
        for level, blocks in enumerate(self.up):
            x = x if level == 0 else self.grow[level - 1](x)
            x = blocks(torch.cat([x, beside.pop()], 1), embedding)
        denoised: Tensor = self.out(x)
        return denoised


class Blocks(nn.ModuleList):
    """Blocks of one size of image, one after the other."""

    def __init__(self, maps_in: int, maps_out: int, num_embedding: int, count: int) -> None:
        sizes = [maps_in, *[maps_out] * (count - 1)]
        super().__init__(Block(maps, maps_out, num_embedding) for maps in sizes)

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """[n, maps_out, H, W] of x [n, maps_in, H, W] and the embedding [n, E]."""
        for block in self:
            x = block(x, embedding)
        return x


class Block(nn.Module):
    """Two convolutions around a scale and a shift by the embedding, added to their input."""

    def __init__(self, maps_in: int, maps_out: int, num_embedding: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = _norm(maps_in), _norm(maps_out)
        self.conv1 = nn.Conv2d(maps_in, maps_out, 3, padding=1)
        self.conv2 = nn.Conv2d(maps_out, maps_out, 3, padding=1)
        self.modulate = nn.Linear(num_embedding, 2 * maps_out)
        self.shortcut = nn.Identity() if maps_in == maps_out else nn.Conv2d(maps_in, maps_out, 1)
        nn.init.zeros_(self.conv2.weight)  # so that every block starts as its shortcut

    def forward(self, x: Tensor, embedding: Tensor) -> Tensor:
        """[n, maps_out, H, W] of x [n, maps_in, H, W] and the embedding [n, E]."""
        scale, shift = self.modulate(F.silu(embedding))[:, :, None, None].chunk(2, 1)
        inner = self.norm2(self.conv1(F.silu(self.norm1(x)))) * (1 + scale) + shift
        total: Tensor = self.conv2(F.silu(inner)) + self.shortcut(x)
        return total


class Attention(nn.Module):
    """Each position looks at all others, added to the input."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.norm, self.heads = _norm(maps), max(1, maps // 32)
        self.queries, self.out = nn.Conv2d(maps, 3 * maps, 1), nn.Conv2d(maps, maps, 1)
        nn.init.zeros_(self.out.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[n, maps, H, W] of x of the same shape."""
        shape = (x.shape[0], 3, self.heads, -1, x.shape[2] * x.shape[3])
        queries, keys, values = self.queries(self.norm(x)).reshape(shape).transpose(3, 4).unbind(1)
        seen = F.scaled_dot_product_attention(queries, keys, values)
        total: Tensor = x + self.out(seen.transpose(2, 3).reshape(x.shape))
        return total


def waves(time: Tensor, num: int) -> Tensor:
    """Sines and cosines of times [n] from 0 to 1, at `num` / 2 wavelengths: [n, num]."""
    steps = torch.arange(num // 2, device=time.device, dtype=torch.float32)
    angles = 1000 * time[:, None] * torch.exp(-math.log(LONGEST) / (num // 2) * steps)
    return torch.cat([angles.sin(), angles.cos()], 1)


def _norm(maps: int) -> nn.GroupNorm:
    return nn.GroupNorm(maps // GROUP, maps)


def _check(height: int, width: int, channels: tuple[int, ...], patch: int) -> None:
    wrong = [maps for maps in channels if maps % GROUP]
    if wrong or not channels:
        raise ValueError(f"denoiser: found channels {list(channels)}, expected multiples of 8")
    unit = patch << (len(channels) - 1)
    if height % unit or width % unit:
        raise ValueError(
            f"denoiser with {len(channels)} levels and patches of {patch} needs sides that can be "
            f"divided by {unit}, but the data has {height} x {width} pixels; list fewer channels, "
            "or set a smaller patch"
        )
