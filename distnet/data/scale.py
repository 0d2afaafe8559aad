"""From stored numbers to the input of a network: scaled to [0, 1], then normalised."""

import torch
from torch import Tensor

from distnet.data.fields.field import Field


class Scale:
    """(x - offset) * factor, a channel or an element each.

    Subtraction and multiplication stay two operations: fused into one, the last bits would depend
    on where in a batch a sample lies. The subtraction comes first, so that columns far from 0 keep
    their digits.

    Args:
        data: the field.
        normalise: whether to subtract its mean and divide by its deviation.
        device: where it is computed.
    """

    def __init__(self, data: Field, *, normalise: bool, device: str = "cpu") -> None:
        self.is_normalised = normalise
        unit = 255.0 if data.dtype == "uint8" else 1.0
        mean = torch.tensor(data.mean, dtype=torch.float64) * unit
        std = torch.tensor(data.std, dtype=torch.float64) * unit
        offset = mean if normalise else torch.zeros_like(mean)
        factor = 1 / std if normalise else torch.full_like(std, 1 / unit)
        shape = (-1, 1, 1) if data.kind == "image" else (-1,)
        self.factor = _simplest(factor.float().reshape(shape).to(device))
        self.offset = _simplest(offset.float().reshape(shape).to(device))

    def __call__(self, x: Tensor) -> Tensor:
        """Scale x [n, ...] of uint8 or float32 to float32 of the same shape."""
        return x.to(torch.float32, copy=True).sub_(self.offset).mul_(self.factor)


def _simplest(values: Tensor) -> Tensor:
    """A single number broadcasts faster without dimensions."""
    return values.reshape(()) if values.numel() == 1 else values
