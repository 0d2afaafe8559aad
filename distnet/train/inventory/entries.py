"""The names of a network's tensors, and the modules that hold them."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

Kind = Literal["parameter", "frozen parameter", "buffer", "attribute"]


@dataclass(frozen=True)
class Entry:
    """One name of a tensor, and the module that holds it."""

    name: str
    module: nn.Module
    key: str
    kind: Kind
    tensor: Tensor
    """The one that was found; a network may put another one there."""
    shape: torch.Size
    dtype: torch.dtype

    @property
    def now(self) -> Tensor | None:
        """The tensor that the module holds now."""
        held = self.module._buffers if self.kind == "buffer" else self.module._parameters
        return held.get(self.key)

    def put(self, tensor: Tensor) -> None:
        """Give the name other memory; a parameter stays the same object."""
        if self.kind == "buffer":
            self.module._buffers[self.key] = tensor
        elif self.kind == "attribute":
            self.module.__dict__[self.key] = tensor
        else:
            self.tensor.data = tensor


def walk(network: nn.Module) -> Iterator[Entry]:
    """All names of parameters and buffers, in the order of `network.named_parameters()`."""
    for prefix, module in network.named_modules(remove_duplicate=False):
        path = f"{prefix}." if prefix else ""
        for key, parameter in module._parameters.items():
            if parameter is not None:
                kind: Kind = "parameter" if parameter.requires_grad else "frozen parameter"
                yield _entry(f"{path}{key}", module, key, kind, parameter)
        for key, buffer in module._buffers.items():
            if buffer is not None:
                yield _entry(f"{path}{key}", module, key, "buffer", buffer)


def _entry(name: str, module: nn.Module, key: str, kind: Kind, tensor: Tensor) -> Entry:
    shape = torch.Size() if nn.parameter.is_lazy(tensor) else tensor.shape
    return Entry(name, module, key, kind, tensor, shape, tensor.dtype)


def attributes(network: nn.Module, known: set[int]) -> Iterator[Entry]:
    """Plain tensors and arrays that the modules hold, also in lists and dictionaries."""
    for prefix, module in network.named_modules():
        path = f"{prefix}." if prefix else ""
        for key, value in module.__dict__.items():
            for suffix, tensor in _tensors_in(value):
                if id(tensor) not in known and tensor.layout == torch.strided:
                    yield _entry(f"{path}{key}{suffix}", module, key, "attribute", tensor)


def _tensors_in(value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, list | tuple):
        pairs = [(f"[{index}]", each) for index, each in enumerate(value)]
    elif isinstance(value, dict):
        pairs = [(f"[{key!r}]", each) for key, each in value.items()]
    else:
        pairs = [("", value)]
    for suffix, each in pairs:
        if isinstance(each, Tensor):
            yield suffix, each
        elif isinstance(each, np.ndarray) and each.flags.writeable:
            with suppress(TypeError, ValueError):  # torch has no such numbers, or no such strides
                yield suffix, torch.from_numpy(each)
