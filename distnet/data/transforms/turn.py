"""Turn each sample by quarters of a circle, which mixes no pixels; for images without an upside."""

import torch
from torch import Tensor


class Turning:
    """Turns each square image by 0, 90, 180 or 270 degrees."""

    def draw(self, num_samples: int, device: torch.device) -> Tensor:
        """How many quarters each sample is turned to the left, [B]."""
        return torch.randint(0, 4, (num_samples,), device=device)

    def images(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """Turn images."""
        if x_BCHW.shape[-1] != x_BCHW.shape[-2]:
            height, width = x_BCHW.shape[-2:]
            raise ValueError(f"augment turn needs square images, found {height} x {width}")
        turned = x_BCHW
        for quarters in (1, 2, 3):
            is_turned = (drawn == quarters)[:, None, None, None]
            turned = torch.where(is_turned, x_BCHW.rot90(quarters, (-2, -1)), turned)
        return turned

    def masks(self, x_BCHW: Tensor, drawn: Tensor) -> Tensor:
        """As images."""
        return self.images(x_BCHW, drawn)

    def corners(self, corners_N4: Tensor, sample_N: Tensor, drawn: Tensor, size: Tensor) -> Tensor:
        """Turn boxes: the right edge comes to the top."""
        turned, quarters_N1 = corners_N4, drawn[sample_N, None]
        for quarters in (1, 2, 3):
            left, top, right, bottom = turned.unbind(1)
            once = torch.stack([top, size[0] - right, bottom, size[0] - left], 1)
            turned = torch.where(quarters_N1 >= quarters, once, turned)
        return turned
