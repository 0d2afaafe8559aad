"""The norm by which a gradient is clipped: the same bits on any device."""

import math
import os
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from distnet.train.compute.norm import BLOCK, sum_of_squares
from distnet.train.compute.row import NUM_FLAGS, Layout, read_total

SIZES = [1, 2, 3, 1000, BLOCK, 3 * BLOCK + 5]


def gradient(num: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    scale = torch.rand(num, generator=generator).mul(12).exp()
    return torch.randn(num, generator=generator) * scale


def norm_of(numbers: Tensor, *, is_clipped: bool) -> float:
    """The norm that the loop clips by."""
    total = torch.cat([numbers, torch.tensor([0.5, 1.0]), torch.zeros(NUM_FLAGS)])
    return read_total(total, Layout(numbers.numel(), 0, 0), is_clipped=is_clipped).norm


@pytest.mark.parametrize("num", SIZES)
@pytest.mark.parametrize("factor", [1.0, 1e-15, 1e-22, 1e12])
def test_it_is_as_exact_as_a_dot_product(num: int, factor: float) -> None:
    numbers = gradient(num) * factor

    expected = math.fsum((numbers * numbers).tolist())
    assert sum_of_squares(numbers).item() == pytest.approx(expected, rel=3e-7, abs=1e-45)


def test_the_order_of_additions_does_not_change_a_clipped_gradient() -> None:
    numbers = gradient(5000)
    orders = [torch.randperm(5000, generator=torch.Generator().manual_seed(s)) for s in range(20)]

    assert len({norm_of(numbers[order], is_clipped=False) for order in orders}) > 1
    assert len({norm_of(numbers[order], is_clipped=True) for order in orders}) == 1


def test_what_is_zero_or_not_finite_stays_so() -> None:
    assert sum_of_squares(torch.zeros(100)).item() == 0.0
    for bad in (torch.inf, -torch.inf, torch.nan, 1e30):
        numbers = gradient(1000)
        numbers[777] = bad
        assert not math.isfinite(norm_of(numbers, is_clipped=True))


@pytest.mark.check
def test_it_is_the_same_with_other_instructions() -> None:
    code = (
        "import torch; from distnet.train.compute.norm import sum_of_squares; "
        "g = torch.randn(100_003, generator=torch.Generator().manual_seed(1)); "
        "print(sum_of_squares(g).item().hex())"
    )
    norms = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | other, capture_output=True, check=True
        ).stdout
        for other in ({}, {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"})
    }
    assert len(norms) == 1
