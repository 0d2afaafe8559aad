"""From stored numbers to what a network sees: scaled to [0, 1], then normalised."""

import torch
from torch import Tensor

from distnet.data.manifest import Input

SMALLEST_STD = 1e-6  # a constant channel stays as it is instead of exploding


class Scale:
    """x * factor + offset, a channel or an element each.

    Multiplication and addition stay two operations: fused into one, the last bits would depend
    on where in a batch a sample lies.
    """

    def __init__(self, data: Input, *, normalise: bool, device: str = "cpu") -> None:
        unit = 1 / 255 if data.dtype == "uint8" else 1.0
        mean = torch.tensor(data.mean, dtype=torch.float64)
        std = torch.tensor(data.std, dtype=torch.float64).clamp_min(SMALLEST_STD)
        factor = unit / std if normalise else torch.full_like(std, unit)
        offset = -mean / std if normalise else torch.zeros_like(mean)
        shape = (-1, 1, 1) if data.kind == "image" else (-1,)
        self.factor = _simplest(factor.float().reshape(shape).to(device))
        self.offset = _simplest(offset.float().reshape(shape).to(device))

    def __call__(self, x: Tensor) -> Tensor:
        """Scale x [n, ...] of uint8 or float32 to float32 of the same shape."""
        return (x * self.factor).add_(self.offset)


def _simplest(values: Tensor) -> Tensor:
    """A single number broadcasts faster without dimensions."""
    return values.reshape(()) if values.numel() == 1 else values
