"""Shift each sample by whole pixels: a window of the same size, cut out of the padded image."""

import torch
from torch import Tensor
from torch.nn.functional import pad


class Shifting:
    """Moves by up to `pixels` along each axis; what comes in is black."""

    def __init__(self, pixels: int) -> None:
        self._pixels = pixels

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """Where the window begins in the padded image: row and column, [2, B, 1]."""
        return torch.randint(0, 2 * self._pixels + 1, (2, num_samples, 1), device=device)

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Cut the window out of each image."""
        num, _, height, width = x_BCHW.shape
        padded = pad(x_BCHW, [self._pixels] * 4)
        rows_B1H1 = (drawn[0] + torch.arange(height, device=x_BCHW.device))[:, None, :, None]
        columns_B11W = (drawn[1] + torch.arange(width, device=x_BCHW.device))[:, None, None, :]
        images_B111 = torch.arange(num, device=x_BCHW.device)[:, None, None, None]
        channels_1C11 = torch.arange(x_BCHW.shape[1], device=x_BCHW.device)[None, :, None, None]
        return padded[images_B111, channels_1C11, rows_B1H1, columns_B11W]

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """As images."""
        return self.images(x_BCHW, drawn)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """Move boxes the other way than the window."""
        moved_BYX = self._pixels - drawn[:, :, 0].T
        return corners_N4 + moved_BYX.flip(1).repeat(1, 2)[sample_N]
