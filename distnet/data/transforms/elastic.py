"""Bend each sample: a smooth random field moves its pixels.

Source: Ronneberger, Fischer and Brox 2015 (U-Net), section 3.1: random vectors at the points of a
coarse grid, interpolated by cubics. Unlike there, the image's border stays where it is, so that
nothing comes in from outside.

Letters: B samples, C channels, H height, W width, N boxes, P points of a box; G points of a side,
those on the border included.
"""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate, pad

POINTS_OF_EDGE = 5
"""On each edge of a box, whose positions after the bending are looked for."""
ITERATIONS = 8
"""Of a search for the point that moves to a given place; each makes the error much smaller."""


class Bending:
    """Moves points of a coarse grid inside of the image by about `pixels`."""

    def __init__(self, pixels: float, points: int) -> None:
        self._pixels, self._points = pixels, points

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """How far each point of the grid is moved along x and y, in pixels, [B, 2, G, G]."""
        shape = (num_samples, 2, self._points, self._points)
        inside = torch.randn(shape, dtype=torch.float32, device=device) * self._pixels
        return pad(inside, (1, 1, 1, 1))

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Bend images; pixels are interpolated."""
        bent = self._bent(x_BCHW, drawn, "bilinear")
        return bent.round_().clamp_(0, 255).to(x_BCHW.dtype)

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Bend masks; each pixel is that of the nearest."""
        return self._bent(x_BCHW, drawn, "nearest").to(x_BCHW.dtype)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """The boxes around the bent boxes."""
        edge = torch.linspace(0, 1, POINTS_OF_EDGE, device=corners_N4.device)
        low, high = torch.zeros_like(edge), torch.ones_like(edge)
        around = [(edge, low), (edge, high), (low, edge), (high, edge)]
        part_P2 = torch.cat([torch.stack(pair, 1) for pair in around])
        first, last = corners_N4[:, None, :2], corners_N4[:, None, 2:]
        points_NP2 = first + part_P2 * (last - first)
        found = points_NP2
        # A pixel at p comes from p + moved(p); so look for the p that comes from a point.
        for _ in range(ITERATIONS):
            found = points_NP2 - self._moved_at(found, drawn[sample_N], size)
        return torch.cat([found.amin(1), found.amax(1)], 1)

    def _bent(self, x_BCHW: Tensor, drawn: Tensor, mode: str) -> Tensor:
        height, width = x_BCHW.shape[-2:]
        moved = interpolate(drawn, (height, width), mode="bicubic", align_corners=True)
        columns = torch.arange(width, dtype=torch.float32, device=x_BCHW.device)
        rows = torch.arange(height, dtype=torch.float32, device=x_BCHW.device)
        x, y = columns + moved[:, 0], rows[:, None] + moved[:, 1]
        grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], 3)
        return grid_sample(
            x_BCHW.float(), grid, mode=mode, padding_mode="border", align_corners=False
        )

    @staticmethod
    def _moved_at(points_NP2: Tensor, drawn_N2GG: Tensor, size: Tensor) -> Tensor:
        """How far the pixels at some points [N, P, 2] are moved."""
        grid = (points_NP2 - 0.5) / (size - 1) * 2 - 1
        moved = grid_sample(
            drawn_N2GG, grid[:, None], mode="bicubic", padding_mode="border", align_corners=True
        )
        return moved[:, :, 0].transpose(1, 2)
