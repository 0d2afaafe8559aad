"""Digests of tensors: one changed bit anywhere gives another number.

The bits of each number are read as an integer and multiplied by a fixed random integer that belongs
to its position; the sum is modulo 2^64. Integer sums do not depend on the order of addition, so a
digest is the same on every device and for any number of threads.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from distnet.data.shuffle import GOLDEN, mix, scramble

CHUNK = 1 << 16
INTEGERS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}


@torch.no_grad()
def digests(tensors: Sequence[Tensor]) -> list[int]:
    """Digest each tensor; its shape and type count, too."""
    sums = [_sums(tensor) for tensor in tensors]
    if not sums:
        return []
    device = tensors[0].device
    numbers = iter(torch.cat([each.to(device) for each in sums]).tolist())
    return [
        mix(*tensor.shape, tensor.element_size(), *(next(numbers) for _ in range(len(each))))
        for tensor, each in zip(tensors, sums, strict=True)
    ]


def digest(tensors: Sequence[Tensor]) -> int:
    """One digest, 64 bits, of several tensors."""
    return mix(*digests(tensors))


def _sums(tensor: Tensor) -> Tensor:
    """The sum of each chunk of a tensor, int64."""
    words = _integers(tensor)
    factors = _factors(min(words.numel(), CHUNK), words.device)
    if words.numel() <= CHUNK:
        return (words.long() * factors).sum()[None]
    chunks = torch.split(words, CHUNK)
    return torch.stack([(each.long() * factors[: each.numel()]).sum() for each in chunks])


def _integers(tensor: Tensor) -> Tensor:
    """[n]: the bits of a tensor's numbers."""
    tensor = tensor.detach()
    if tensor.is_sparse:
        tensor = tensor.to_dense()
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    flat = tensor.reshape(-1).contiguous()
    return flat.view(INTEGERS[flat.element_size()])


@cache
def _factors(size: int, device: torch.device) -> Tensor:
    """[size]: an odd random integer for each position; a prefix of the longest."""
    if size < CHUNK:
        return _factors(CHUNK, device)[:size]
    positions = np.arange(1, CHUNK + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    return torch.from_numpy(scramble(positions).view(np.int64)).to(device) | 1
