"""Mirror some samples left to right."""

import torch
from torch import Tensor


class Flipping:
    """Mirrors each sample with a probability."""

    def __init__(self, probability: float) -> None:
        self._probability = probability

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """Which samples are mirrored, bool [B]."""
        return torch.rand(num_samples, dtype=torch.float32, device=device) < self._probability

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Mirror the chosen images."""
        return torch.where(drawn[:, None, None, None], x_BCHW.flip(-1), x_BCHW)

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """As images."""
        return self.images(x_BCHW, drawn)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """Mirror the boxes of the chosen images: what was right is left."""
        left, top, right, bottom = corners_N4.unbind(1)
        mirrored = torch.stack([size[0] - right, top, size[0] - left, bottom], 1)
        return torch.where(drawn[sample_N, None], mirrored, corners_N4)
