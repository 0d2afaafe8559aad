"""Rotate each sample around the centre of its image."""

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample


class Rotation:
    """Rotates by up to `degrees` in either direction; what comes in is black."""

    def __init__(self, degrees: float) -> None:
        self._degrees = degrees

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """The angle of each sample in radians, [B]."""
        part = torch.rand(num_samples, dtype=torch.float32, device=device)
        return (part * 2 - 1) * (self._degrees * torch.pi / 180)

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Rotate images; pixels are interpolated."""
        turned = self._turned(x_BCHW, drawn, "bilinear")
        return turned.round_().clamp_(0, 255).to(x_BCHW.dtype)

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Rotate masks; each pixel is that of the nearest."""
        return self._turned(x_BCHW, drawn, "nearest").to(x_BCHW.dtype)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """The boxes around the rotated boxes."""
        sine, cosine = drawn.sin()[sample_N, None], drawn.cos()[sample_N, None]
        x_N4 = corners_N4[:, [0, 2, 2, 0]] - size[0] / 2
        y_N4 = corners_N4[:, [1, 1, 3, 3]] - size[1] / 2
        # The grid says where a pixel comes from; a box goes the other way.
        turned_x = cosine * x_N4 + sine * y_N4 + size[0] / 2
        turned_y = cosine * y_N4 - sine * x_N4 + size[1] / 2
        lows = [turned_x.amin(1), turned_y.amin(1)]
        return torch.stack([*lows, turned_x.amax(1), turned_y.amax(1)], 1)

    def _turned(self, x_BCHW: Tensor, angle_B: Tensor, mode: str) -> Tensor:
        sine, cosine, zero = angle_B.sin(), angle_B.cos(), torch.zeros_like(angle_B)
        # The grid measures both axes from -1 to 1, whatever their lengths: a rotation there would
        # shear an image that is not square.
        ratio = x_BCHW.shape[-2] / x_BCHW.shape[-1]
        rows = [cosine, -sine * ratio, zero], [sine / ratio, cosine, zero]
        theta_B23 = torch.stack([torch.stack(row, 1) for row in rows], 1)
        grid = affine_grid(theta_B23, list(x_BCHW.shape), align_corners=False)
        return grid_sample(x_BCHW.float(), grid, mode=mode, align_corners=False)
