"""Change the brightness and the contrast of each image; masks and boxes stay.

As torchvision's ColorJitter: first the brightness, then the contrast.
"""

import torch
from torch import Tensor


class Jittering:
    """Multiplies by a random factor, then stretches around the mean by another one."""

    def __init__(self, brightness: float, contrast: float) -> None:
        self._most = (brightness, contrast)

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """The factors of brightness and contrast of each sample, [2, B]."""
        part = torch.rand(2, num_samples, dtype=torch.float32, device=device)
        most = torch.tensor(self._most, dtype=torch.float32, device=device)
        factors: Tensor = 1 + (part * 2 - 1) * most[:, None]
        return factors

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Change images; the mean is that of the whole image, over all channels."""
        brightness, contrast = drawn[..., None, None, None]
        bright = (x_BCHW.float() * brightness).clamp(0, 255)
        mean = bright.mean((1, 2, 3), keepdim=True)
        changed: Tensor = mean + (bright - mean) * contrast
        return changed.round_().clamp_(0, 255).to(x_BCHW.dtype)

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:  # noqa: ARG002
        """As they are."""
        return x_BCHW

    def corners(
        self,
        corners_N4: Tensor,
        sample_N: Tensor,
        drawn: Tensor,
        size: Tensor,  # noqa: ARG002
    ) -> Tensor:
        """As they are."""
        return corners_N4
