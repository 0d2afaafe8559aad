"""Buffers of a network: constants, and statistics that change while it trains.

Their changes travel in the row of a slice, as fp32, and their mean is applied; the buffers
themselves stay in their own types. So what does not change keeps its value to the last bit.
"""

from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn


class Buffers:
    """Buffers of a network, found by their owners: a network may put new tensors there.

    Letters: B numbers in all of them; a complex number counts as two.

    Args:
        network: the network.
        pattern: matches the names of these buffers.
    """

    def __init__(self, network: nn.Module, pattern: str = "*") -> None:
        self._owners = _find_owners(network, pattern)
        self._sizes = [_numbers(buffer).numel() for buffer in self.read()]
        self.num_numbers = sum(self._sizes)

    def parts(self) -> list[tuple[str, int]]:
        """The name of each buffer and how many numbers it has, in the order of the changes."""
        return list(zip(self._owners, self._sizes, strict=True))

    def read(self) -> list[Tensor]:
        """Copy all buffers, each in its own type."""
        return [buffer.clone() for buffer in self._now()]

    def write(self, values: list[Tensor]) -> None:
        """Set all buffers."""
        for buffer, value in zip(self._now(), values, strict=True):
            buffer.copy_(value)

    def change_since(self, before: list[Tensor]) -> Tensor:
        """[B]: by how much each number has changed, as fp32.

        Infinite constants, as in masks, would give NaN: an unchanged number counts as 0.
        """
        pairs = zip(self._now(), before, strict=True)
        changes = [(_numbers(now) - _numbers(then)).reshape(-1).float() for now, then in pairs]
        return torch.cat(changes).nan_to_num_(0.0, 0.0, 0.0)

    def move(self, before: list[Tensor], changes: Tensor) -> None:
        """Set all to the values `before` plus changes [B]; integers move by integers."""
        parts = torch.split(changes, self._sizes)
        self.write([_moved(then, part) for then, part in zip(before, parts, strict=True)])

    def _now(self) -> list[Tensor]:
        found = (module._buffers[name] for module, name in self._owners.values())
        return [buffer.detach() for buffer in found if buffer is not None]


def _find_owners(network: nn.Module, pattern: str) -> dict[str, tuple[nn.Module, str]]:
    """The module of each buffer and its name there; one that two modules share counts once."""
    owners, known = dict[str, tuple[nn.Module, str]](), set[int]()
    for prefix, module in network.named_modules():
        for name, buffer in module._buffers.items():
            full = f"{prefix}.{name}" if prefix else name
            is_new = buffer is not None and buffer.numel() and id(buffer) not in known
            if is_new and fnmatchcase(full, pattern):
                known.add(id(buffer))
                owners[full] = module, name
    return owners


def _numbers(buffer: Tensor) -> Tensor:
    if buffer.is_complex():
        return torch.view_as_real(buffer)
    return buffer if buffer.is_floating_point() else buffer.long()


def _moved(buffer: Tensor, change: Tensor) -> Tensor:
    numbers = _numbers(buffer)
    change = change.view(numbers.shape)
    if not numbers.is_floating_point():
        return (numbers + change.round().long()).to(buffer.dtype)
    moved = numbers + change.to(numbers.dtype)
    return torch.view_as_complex(moved) if buffer.is_complex() else moved
