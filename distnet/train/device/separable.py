"""Backward passes of pooling, interpolation and padding, with the same bits every time.

These operations are linear and act on each axis by itself. So what they do along an axis is one
matrix M [out, in], which they make of the identity, and the backward pass is a product with M along
every axis. torch's own adds with atomic operations, in no fixed order.

Letters: D spatial axes, the last ones of a tensor.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

OTHERS = 2
"""The size of the axes on which nothing happens. With 1, torch 2.14 takes the memory for
channels-last, and its antialiased interpolation is wrong on CPUs."""
Along = Callable[[Tensor, int, int], Tensor]
"""An operation along one axis: of samples [n, 1, ...], the axis, and its size afterwards."""


def backward(grad: Tensor, sizes: Sequence[int], along: Along, key: tuple[Any, ...]) -> Tensor:
    """The gradient of the input, from that of the output.

    Args:
        grad: [..., out_1, ..., out_D].
        sizes: in_1, ..., in_D.
        along: the operation.
        key: names the operation and its options; equal keys have equal matrices.
    """
    dtype = torch.promote_types(grad.dtype, torch.float32)
    out = grad.to(dtype)
    for i, size in enumerate(sizes):
        axis = i - len(sizes)
        form = i, len(sizes), size, out.shape[axis]
        matrix = _matrix_on(out.device, out.dtype, _Operation(along, key), *form)
        out = torch.tensordot(out, matrix, ([axis], [0])).movedim(-1, axis)
    return out.to(grad.dtype).contiguous()


class _Operation:
    """An operation that is hashed by its name and options."""

    def __init__(self, along: Along, key: tuple[Any, ...]) -> None:
        self.along, self._key = along, key

    def __hash__(self) -> int:
        return hash(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Operation) and self._key == other._key


@cache
def _matrix_on(
    device: torch.device, dtype: torch.dtype, operation: _Operation, *form: int
) -> Tensor:
    """M where it is used: copied there once, as each copy waits for the GPU."""
    return _matrix(operation, *form).to(device, dtype)


@cache
def _matrix(operation: _Operation, axis: int, dims: int, size: int, out: int) -> Tensor:
    """M [out, in] along one axis, on the CPU."""
    identity = torch.eye(size, dtype=torch.float64).view(size, 1, *_one_but(dims, axis, size, 1))
    wide = identity.expand(size, 1, *_one_but(dims, axis, size)).contiguous()
    columns = operation.along(wide, axis, out)
    for other in sorted({*range(dims)} - {axis}, reverse=True):
        columns = columns.select(2 + other, 0)
    return columns.reshape(size, out).T


def _adaptive_pool(dims: int, grad: Tensor, self: Tensor) -> Tensor:
    pool = getattr(torch.ops.aten, f"_adaptive_avg_pool{dims}d")

    def along(x: Tensor, axis: int, out: int) -> Tensor:
        pooled: Tensor = pool(x, _one_but(dims, axis, out))
        return pooled

    return backward(grad, self.shape[-dims:], along, ("pool", dims))


def _upsample(  # noqa: PLR0917
    name: str,
    grad: Tensor,
    output_size: Sequence[int],
    input_size: Sequence[int],
    align_corners: bool,
    *scales: float | None,
    **named: float | None,
) -> Tensor:
    operation, dims = getattr(torch.ops.aten, name), len(output_size)
    factors = [*scales, *named.values()]
    factors += [None] * (dims - len(factors))

    def along(x: Tensor, axis: int, out: int) -> Tensor:
        one = [factor if i == axis else None for i, factor in enumerate(factors)]
        resized: Tensor = operation(x, _one_but(dims, axis, out), align_corners, *one)
        return resized

    return backward(grad, input_size[-dims:], along, (name, align_corners, *factors))


def _pad(name: str, dims: int, grad: Tensor, self: Tensor, padding: Sequence[int]) -> Tensor:
    operation = getattr(torch.ops.aten, name)

    def along(x: Tensor, axis: int, _: int) -> Tensor:
        first = 2 * (dims - 1 - axis)  # the last axis comes first
        one = [p if first <= i < first + 2 else 0 for i, p in enumerate(padding)]
        padded: Tensor = operation(x, one)
        return padded

    return backward(grad, self.shape[-dims:], along, (name, *padding))


def _one_but(dims: int, axis: int, size: int, others: int = OTHERS) -> list[int]:
    return [size if i == axis else others for i in range(dims)]


UPSAMPLED = (
    *("upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"),
    *("_upsample_bilinear2d_aa", "_upsample_bicubic2d_aa"),
)
SEPARABLE: dict[str, Callable[..., Tensor]] = {
    **{f"_adaptive_avg_pool{d}d_backward": partial(_adaptive_pool, d) for d in (2, 3)},
    **{f"{name}_backward": partial(_upsample, name) for name in UPSAMPLED},
    **{
        f"{kind}_pad{d}d_backward": partial(_pad, f"{kind}_pad{d}d", d)
        for kind in ("reflection", "replication")
        for d in (1, 2, 3)
    },
}
"""The backward passes, by the names of torch's own."""
