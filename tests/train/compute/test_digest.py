"""Digests of tensors change with every bit, and with nothing else."""

import pytest
import torch

from distnet.train.inventory.digest import CHUNK, digest, digests

TYPES = (torch.float32, torch.float64, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


@pytest.mark.parametrize("dtype", [*TYPES, torch.complex64])
@pytest.mark.parametrize("index", [0, 3, CHUNK, CHUNK + 5])
def test_one_changed_number_changes_the_digest(dtype: torch.dtype, index: int) -> None:
    tensor = torch.zeros(CHUNK + 6, dtype=dtype)
    other = tensor.clone()
    other[index] = 1

    assert digests([tensor, other, tensor.clone()])[::2] == digests([tensor]) * 2
    assert digests([tensor]) != digests([other])


def test_bits_order_shape_and_type_count_but_not_the_layout_in_memory() -> None:
    tensor = torch.arange(12.0).view(3, 4)

    assert digest([torch.tensor([0.0])]) != digest([torch.tensor([-0.0])])
    assert digest([tensor]) != digest([tensor.flip(0)])
    assert digest([tensor]) != digest([tensor.view(4, 3)])
    assert digest([torch.zeros(2)]) != digest([torch.zeros(2, dtype=torch.float64)])
    assert digest([tensor]) == digest([tensor.t().contiguous().t()])
    assert digest([torch.tensor([float("nan")])]) == digest([torch.tensor([float("nan")])])
    assert digests([]) == []
    assert digests([torch.zeros(0), torch.tensor(3)]) == digests([torch.zeros(0), torch.tensor(3)])


def test_small_changes_do_not_cancel() -> None:
    words = torch.zeros(64, dtype=torch.int32)
    found = {digest([words])}
    for i in range(8):
        for j in range(i + 1, 8):
            for a, b in ((1, -1), (3, -1), (1, -3), (2, -1)):
                changed = words.clone()
                changed[i], changed[j] = a, b
                found.add(digest([changed]))

    assert len(found) == 1 + 28 * 4
