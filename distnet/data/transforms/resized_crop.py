"""Cut a random window of each image, and enlarge it to the image's size.

Source: Szegedy et al. 2015 (Going deeper with convolutions, section 6), as torchvision's
RandomResizedCrop. There, a window that is larger than the image is drawn again; here its longer
side is that of the image.

Letters: B samples, C channels, H height, W width, N boxes of all samples.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


class ResizedCropping:
    """Cuts windows of a part `scale` of the area, with sides in a ratio of `ratio`."""

    def __init__(self, scale: tuple[float, float], ratio: tuple[float, float]) -> None:
        self._scale, self._ratio = scale, ratio

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """The window's area, its width by its height, and its place along x and y, [4, B]."""
        part_4B = torch.rand((4, num_samples), dtype=torch.float32, device=device)
        area, ratio, x, y = part_4B
        low, high = map(math.log, self._ratio)
        area = self._scale[0] + (self._scale[1] - self._scale[0]) * area
        return torch.stack([area, (low + (high - low) * ratio).exp(), x, y])

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Cut and enlarge images; pixels are interpolated."""
        cut = self._cut(x_BCHW, drawn, "bilinear")
        return cut.round_().clamp_(0, 255).to(x_BCHW.dtype)

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Cut and enlarge masks; each pixel is that of the nearest."""
        return self._cut(x_BCHW, drawn, "nearest").to(x_BCHW.dtype)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """The boxes in the enlarged window."""
        sides_2B, starts_2B = windows(drawn, size)
        sides_N2, starts_N2 = sides_2B.T[sample_N], starts_2B.T[sample_N]
        start_N4, side_N4 = (starts_N2 * size).repeat(1, 2), sides_N2.repeat(1, 2)
        return (corners_N4 - start_N4) / side_N4

    def _cut(self, x_BCHW: Tensor, drawn: Tensor, mode: str) -> Tensor:
        size = torch.tensor(x_BCHW.shape[:-3:-1], dtype=torch.float32, device=x_BCHW.device)
        (width, height), (left, top) = windows(drawn, size)
        zero = torch.zeros_like(width)
        # The grid measures both axes from -1 to 1.
        rows = [width, zero, 2 * left + width - 1], [zero, height, 2 * top + height - 1]
        theta_B23 = torch.stack([torch.stack(row, 1) for row in rows], 1)
        grid = affine_grid(theta_B23, list(x_BCHW.shape), align_corners=False)
        return grid_sample(
            x_BCHW.float(), grid, mode=mode, padding_mode="border", align_corners=False
        )


def windows(drawn: Tensor, size: Tensor) -> tuple[Tensor, Tensor]:
    """Sides and upper left corners of the windows along x and y, as parts of the image, [2, B]."""
    area, ratio, *corners = drawn
    shape = size[1] / size[0]
    sides = torch.stack([(area * ratio * shape).sqrt(), (area / ratio / shape).sqrt()])
    sides = sides.clamp_max(1)
    return sides, torch.stack(corners) * (1 - sides)
