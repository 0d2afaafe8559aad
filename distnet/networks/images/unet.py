"""A U-Net: a class for each pixel, from what is around it and from the pixel itself.

Source: Ronneberger, Fischer and Brox 2015. On the way down each level halves the image and doubles
the feature maps; on the way up these join those of the same level on the way down. Unlike there,
convolutions keep the size of an image, and are followed by batch normalisation.

Letters: B samples, C channels, H height, W width, K outputs a pixel.
"""

from typing import Annotated

from pydantic import Field
from torch import Tensor, cat, nn
from torch.nn import functional as F

from distnet.networks.layers import image_shape, initialise
from distnet.spec.sections.section import PositiveInt

__all__ = ("UNet",)


class UNet(nn.Module):
    """Outputs [B, K, H, W] for images [B, C, H, W] of any size.

    Args:
        channels: the feature maps of the first level.
        depth: how many times the image is halved.
        batch_norm: normalise each feature map over the batch (Ioffe and Szegedy 2015).
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_outputs: int,
        *,
        channels: PositiveInt = 16,
        depth: Annotated[int, Field(ge=1, le=8)] = 3,
        batch_norm: bool = True,
    ) -> None:
        super().__init__()
        num_maps, _, _ = image_shape("unet", input_shape)
        maps = [channels << level for level in range(depth + 1)]
        self.unit = 2**depth
        self.first = _block(num_maps, maps[0], batch_norm)
        self.down = nn.ModuleList(
            nn.Sequential(nn.MaxPool2d(2), _block(fine, coarse, batch_norm))
            for fine, coarse in zip(maps, maps[1:], strict=False)
        )
        levels = list(zip(maps[:-1], maps[1:], strict=True))[::-1]
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in levels
        )
        self.join = nn.ModuleList(_block(2 * fine, fine, batch_norm) for fine, _ in levels)
        self.output = initialise(nn.Conv2d(maps[0], num_outputs, 1), None)

    def forward(self, x_BCHW: Tensor) -> Tensor:
        """Compute the outputs of each pixel; the image is filled up with 0 to whole pixels."""
        height, width = x_BCHW.shape[-2:]
        x = self.first(F.pad(x_BCHW, (0, -width % self.unit, 0, -height % self.unit)))
        passed = []
        for down in self.down:
            passed.append(x)
            x = down(x)
        for up, join in zip(self.up, self.join, strict=True):
            x = join(cat([passed.pop(), up(x)], dim=1))
        outputs: Tensor = self.output(x)
        return outputs[..., :height, :width]


def _block(maps_in: int, maps_out: int, has_norm: bool) -> nn.Sequential:
    """Two convolutions, each followed by a rectifier."""
    layers: list[nn.Module] = []
    for num_maps in (maps_in, maps_out):
        conv = nn.Conv2d(num_maps, maps_out, 3, padding=1, bias=not has_norm)
        layers.append(initialise(conv, "relu"))
        if has_norm:
            layers.append(nn.BatchNorm2d(maps_out))
        layers.append(nn.ReLU())
    return nn.Sequential(*layers)
