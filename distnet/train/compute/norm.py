"""The length of a gradient, to the same bit on every kind of device.

A dot product adds in an order that depends on the device: the width of a CPU's vectors, the number
of a GPU's processors. Workers on unlike nodes would clip by factors that differ in the last bit,
and their weights would drift apart. Here blocks of squares are added element by element, which IEEE
754 fixes, and the rest as whole numbers, whose sum is the same in any order.
"""

import torch
from torch import Tensor

BLOCK = 2**16
MOST_BLOCKS = 1024
DOUBLE_ONE = 1023
"""The bits of the exponent of 1.0 in float64; those below it are fractions."""
LEAST = DOUBLE_ONE - 149
"""Those of the least number above 0 in fp32."""
MANTISSA = 52


def sum_of_squares(gradient: Tensor) -> Tensor:
    """Add the squares of [P]; returns [1], in fp32."""
    squares = _sum_of_blocks(gradient)
    largest = squares.max().double()
    exponent = (largest.view(torch.int64) >> MANTISSA).clamp_min(LEAST)
    # The largest square gets just enough bits for the sum of all to have at most 62.
    bits = 62 - (squares.numel() - 1).bit_length()
    shift = bits - 1 - (exponent - DOUBLE_ONE)
    whole = (squares.double() * _power_of_two(shift)).round().long().sum()
    total = whole.double() * _power_of_two(-shift)
    return torch.where(largest.isfinite(), total, largest).float()[None]


def _sum_of_blocks(gradient: Tensor) -> Tensor:
    """Add the squares of all blocks, one block after the other: [P] to one block."""
    block = max(BLOCK, -(-gradient.numel() // MOST_BLOCKS))
    first, *others = torch.split(gradient, block)
    sums = first * first
    for other in others:
        sums[: other.numel()].add_(other * other)
    return sums


def _power_of_two(exponent: Tensor) -> Tensor:
    """2 to the power of a whole number, from its bits: a device's own function may round it."""
    return ((exponent + DOUBLE_ONE) << MANTISSA).view(torch.float64)
