"""Tensors of a network that share memory, found by their addresses.

Two tensors may share memory without being one object: `b.weight.data = a.weight.data.t()`, a table
and a part of it, one array in two parameters. Parameters move into one vector, which would untie
them without a word. So one tensor of each such group, its base, moves, and the others become views
of it again. Where that cannot be done the network is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from distnet.errors import UnknownPartError


@dataclass(frozen=True)
class View:
    """How one tensor lies in the memory of another, its base, which is contiguous."""

    name: str
    base: str
    size: tuple[int, ...]
    stride: tuple[int, ...]
    offset: int
    """Elements between the first of the base and the first of the view."""

    def of(self, base: Tensor) -> Tensor:
        """The view of `base`."""
        return base.as_strided(self.size, self.stride, base.storage_offset() + self.offset)

    def add(self, base: Tensor, part: Tensor) -> Tensor:
        """The numbers of the base, contiguous in memory of their own, plus those of the view."""
        return base.as_strided_scatter(
            self.of(base) + part, self.size, self.stride, base.storage_offset() + self.offset
        )


def find_views(tensors: Mapping[str, Tensor], trained: set[str]) -> list[View]:
    """Find the tensors that share memory with one that is trained.

    Args:
        tensors: all of a network, each once, in the network's order.
        trained: the names of those that an optimizer moves.

    Raises:
        UnknownPartError: some share memory in a way that one base and its views cannot express.
    """
    views: list[View] = []
    for group in _groups(tensors):
        if trained.isdisjoint(group):
            continue  # no optimizer moves them
        base = next((name for name in group if name in trained and _holds(name, group)), None)
        if base is None:
            raise UnknownPartError(_refusal(group))
        views += [_view(name, base, group) for name in group if name != base]
    return views


def repeats(tensor: Tensor) -> bool:
    """Whether several elements of a tensor are one number in memory, as after `expand`."""
    if tensor.is_contiguous():
        return False
    pairs = zip(tensor.stride(), tensor.shape, strict=True)
    extent, is_nested = 1, True
    for step, size in sorted(pair for pair in pairs if pair[1] > 1):
        is_nested &= step >= extent
        extent += (size - 1) * step
    if is_nested:
        return False
    marks = torch.zeros(extent, dtype=torch.bool)
    marks[_positions(tensor)] = True
    return int(marks.sum()) < tensor.numel()


def _groups(tensors: Mapping[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """The tensors that have elements in common, directly or through others; in their order."""
    order = list(tensors)
    occupied = [name for name in order if tensors[name].numel() and tensors[name].data_ptr()]
    pending: list[str] = []
    end = 0
    for name in sorted(occupied, key=lambda name: tensors[name].data_ptr()):
        start, stop = _span(tensors[name])
        if start >= end:
            yield from _connected({n: tensors[n] for n in sorted(pending, key=order.index)})
            pending = []
        pending.append(name)
        end = max(end, stop)
    yield from _connected({n: tensors[n] for n in sorted(pending, key=order.index)})


def _connected(near: dict[str, Tensor]) -> Iterator[dict[str, Tensor]]:
    """Those of some tensors, which lie in one stretch of memory, that have elements in common."""
    group_of = {name: {name} for name in near}
    for one, other in combinations(near, 2):
        if group_of[one] is not group_of[other] and _overlap(near[one], near[other]):
            group_of[one] |= group_of[other]
            for name in group_of[other]:
                group_of[name] = group_of[one]
    for group in {id(group): group for group in group_of.values()}.values():
        if len(group) > 1:
            yield {name: near[name] for name in near if name in group}


def _overlap(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have an element in common."""
    (a, a_end), (b, b_end) = _span(one), _span(other)
    if a_end <= b or b_end <= a:
        return False
    if not _has_same_grid(one, other) or a == b:
        return True
    if (one.is_contiguous() and a <= b < a_end) or (other.is_contiguous() and b <= a < b_end):
        return True
    low, size = min(a, b), one.element_size()
    marks = torch.zeros((max(a_end, b_end) - low) // size, dtype=torch.bool)
    marks[_positions(one) + (a - low) // size] = True
    return bool(marks[_positions(other) + (b - low) // size].any())


def _holds(base: str, group: Mapping[str, Tensor]) -> bool:
    """Whether all others of a group can be views of `base` once that is contiguous."""
    return not repeats(group[base]) and all(
        _relative(tensor, group[base]) for name, tensor in group.items() if name != base
    )


def _view(name: str, base: str, group: Mapping[str, Tensor]) -> View:
    relative = _relative(group[name], group[base])
    assert relative is not None  # the base holds it
    return View(name, base, tuple(group[name].shape), *relative)


def _relative(tensor: Tensor, base: Tensor) -> tuple[tuple[int, ...], int] | None:
    """Strides and offset of a tensor in the memory of `base`, once that is contiguous, if any."""
    (start, stop), (first, end) = _span(tensor), _span(base)
    if not _has_same_grid(tensor, base) or start < first or stop > end:
        return None
    offset = (start - first) // base.element_size()
    if base.is_contiguous():
        return tuple(tensor.stride()), offset
    return _strides_in(_logical_positions(tensor, base, offset))


def _logical_positions(tensor: Tensor, base: Tensor, offset: int) -> Tensor:
    """For each element of a tensor, which of the base it is, in the base's order; -1 if none."""
    order = torch.full((_num_spanned(base),), -1)
    order[_positions(base)] = torch.arange(base.numel())
    return order[_positions(tensor) + offset].view(tensor.shape)


def _strides_in(positions: Tensor) -> tuple[tuple[int, ...], int] | None:
    """Strides and offset of a view that has its elements at these positions, if there is one."""
    offset = int(positions.flatten()[0])
    expected, strides = torch.full_like(positions, offset), list[int]()
    for dim, size in enumerate(positions.shape):
        line = positions.movedim(dim, -1).reshape(-1, size)[0]
        strides.append(int(line[1] - line[0]) if size > 1 else 1)
        steps = torch.arange(size) * strides[-1]
        expected += steps.view(-1, *[1] * (positions.ndim - dim - 1))
    is_view = offset >= 0 and min(strides, default=0) >= 0 and torch.equal(positions, expected)
    return (tuple(strides), offset) if is_view else None


def _refusal(group: Mapping[str, Tensor]) -> str:
    one, other = next((a, b) for a, b in combinations(group, 2) if _overlap(group[a], group[b]))
    return (
        f"network: {_described(one, group)} and {_described(other, group)} share memory, and "
        "neither is a view of the other that training can keep; make one of them a parameter and "
        "compute the other from it in forward, or give each its own memory with tensor.clone()"
    )


def _described(name: str, group: Mapping[str, Tensor]) -> str:
    tensor = group[name]
    kind = "" if tensor.dtype == torch.float32 else f" of {tensor.dtype}"
    return f"{name} {list(tensor.shape)}{kind}"


def _has_same_grid(one: Tensor, other: Tensor) -> bool:
    """Whether an element of one tensor is a whole element of the other, or none of it."""
    is_aligned = (one.data_ptr() - other.data_ptr()) % one.element_size() == 0
    return one.dtype == other.dtype and is_aligned


def _span(tensor: Tensor) -> tuple[int, int]:
    """The address of its first byte, and the one behind its last."""
    start = tensor.data_ptr()
    return start, start + _num_spanned(tensor) * tensor.element_size()


def _num_spanned(tensor: Tensor) -> int:
    """Elements between its first and its last in memory, both included."""
    pairs = zip(tensor.shape, tensor.stride(), strict=True)
    return 1 + sum((size - 1) * step for size, step in pairs)


def _positions(tensor: Tensor) -> Tensor:
    """[numel]: where each of its elements lies in memory, counted from the first."""
    positions = torch.arange(_num_spanned(tensor))
    return positions.as_strided(tensor.shape, tensor.stride()).reshape(-1)
