"""Random changes to training images, each image of a batch its own.

torchvision's v2 transforms draw one set of numbers a call and apply it to the whole batch, so
random numbers are drawn here, a vector for the batch, and a few operations of torch apply them. (To
import torchvision takes longer than to import torch.) All draws come from torch's global generator,
which the trainer seeds by (seed, step, slice).

Letters: B images, C channels, H height, W width.
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample, pad

from distnet.spec.sections.augmentation import Augmentation, Crop, Flip, Rotate, Shift

Change = Callable[[Tensor], Tensor]


def build_augmentation(steps: Sequence[Augmentation]) -> Change | None:
    """Make one function of uint8 images [B, C, H, W] from the job's list; None if it is empty."""
    if not steps:
        return None
    changes = [_build(step) for step in steps]

    def augment(x_BCHW: Tensor) -> Tensor:
        for change in changes:
            x_BCHW = change(x_BCHW)
        return x_BCHW

    return augment


def _build(step: Augmentation) -> Change:
    match step:
        case Crop(padding=pixels) | Shift(pixels=pixels):
            return partial(_shift, pixels=pixels)
        case Flip(probability=probability):
            return partial(_flip, probability=probability)
        case Rotate(degrees=degrees):
            return partial(_rotate, degrees=degrees)


def _shift(x_BCHW: Tensor, pixels: int) -> Tensor:
    """Cut a window of the same size out of each padded image: a random crop, or a shift."""
    num, _, height, width = x_BCHW.shape
    padded = pad(x_BCHW, [pixels] * 4)
    offsets = torch.randint(0, 2 * pixels + 1, (2, num, 1), device=x_BCHW.device)
    rows_B1H1 = (offsets[0] + torch.arange(height, device=x_BCHW.device))[:, None, :, None]
    columns_B11W = (offsets[1] + torch.arange(width, device=x_BCHW.device))[:, None, None, :]
    images_B111 = torch.arange(num, device=x_BCHW.device)[:, None, None, None]
    channels_1C11 = torch.arange(x_BCHW.shape[1], device=x_BCHW.device)[None, :, None, None]
    return padded[images_B111, channels_1C11, rows_B1H1, columns_B11W]


def _flip(x_BCHW: Tensor, probability: float) -> Tensor:
    chosen_B111 = (torch.rand(x_BCHW.shape[0], device=x_BCHW.device) < probability)[
        :, None, None, None
    ]
    return torch.where(chosen_B111, x_BCHW.flip(-1), x_BCHW)


def _rotate(x_BCHW: Tensor, degrees: float) -> Tensor:
    angle_B = (torch.rand(x_BCHW.shape[0], device=x_BCHW.device) * 2 - 1) * (
        degrees * torch.pi / 180
    )
    sine, cosine, zero = angle_B.sin(), angle_B.cos(), torch.zeros_like(angle_B)
    theta_B23 = torch.stack(
        [torch.stack([cosine, -sine, zero], 1), torch.stack([sine, cosine, zero], 1)], 1
    )
    grid = affine_grid(theta_B23, list(x_BCHW.shape), align_corners=False)
    turned = grid_sample(x_BCHW.float(), grid, align_corners=False)
    return turned.round_().clamp_(0, 255).to(x_BCHW.dtype)
