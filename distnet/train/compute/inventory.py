"""Every tensor of a network, found once: for flattening, saving, hashing and exporting.

    trained     parameters that an optimizer moves; fp32
    frozen      parameters that do not require a gradient; of any type that a checkpoint can hold
    buffer      constants and running statistics, also those that are no part of the state_dict
    attribute   plain tensors of a module: not saved, but they may share a parameter's memory

What a network holds is fixed when its constructor returns: what appears, vanishes or changes its
shape later would be neither trained nor saved, so it is refused by name.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor, nn

from distnet.errors import NetworkError, UnknownPartError
from distnet.train.checkpoint.safetensors_file import TYPES
from distnet.train.compute.ties import View, find_views, repeats

Kind = Literal["parameter", "frozen parameter", "buffer", "attribute"]
WHEN = (
    "a network's parameters, buffers and modules must exist when its constructor returns, and keep "
    "their shapes and types"
)


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


class Inventory:
    """The tensors of a network by name.

    Raises:
        UnknownPartError: one can be neither trained nor saved.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self.entries = list(_walk(network))
        for entry in self.entries:
            _require_usable(entry)

    @cached_property
    def _names(self) -> dict[int, list[str]]:
        names: dict[int, list[str]] = {}
        for entry in self.entries:
            names.setdefault(id(entry.tensor), []).append(entry.name)
        return names

    @cached_property
    def unique(self) -> dict[str, Entry]:
        """Each tensor under its first name, in the network's order."""
        seen: dict[int, Entry] = {}
        for entry in self.entries:
            seen.setdefault(id(entry.tensor), entry)
        return {entry.name: entry for entry in seen.values()}

    def trained(self) -> dict[str, nn.Parameter]:
        """The parameters that an optimizer moves, each once."""
        return {
            name: entry.tensor
            for name, entry in self.unique.items()
            if entry.kind == "parameter" and isinstance(entry.tensor, nn.Parameter)
        }

    def names_of(self, tensor: Tensor) -> list[str]:
        """All names of one tensor."""
        return self._names[id(tensor)]

    def buffers(self, pattern: str = "*", without: frozenset[str] = frozenset()) -> list[Entry]:
        """The buffers one of whose names matches, each once."""
        return [
            entry
            for name, entry in self.unique.items()
            if entry.kind == "buffer"
            and entry.tensor.numel()
            and name not in without
            and any(fnmatchcase(each, pattern) for each in self.names_of(entry.tensor))
        ]

    def views(self) -> list[View]:
        """The tensors that share memory with a trained one without being the same object.

        Raises:
            UnknownPartError: some share memory in a way that cannot be kept.
        """
        attributes = _attributes(self._network, {id(entry.tensor) for entry in self.entries})
        entries = {**self.unique, **{entry.name: entry for entry in attributes}}
        tensors = {name: entry.tensor.detach() for name, entry in entries.items()}
        views = find_views(tensors, set(self.trained()))
        for view in views:
            _require_tie(entries[view.name], view)
        return views

    def put(self, view: View, base: Tensor) -> None:
        """Let all names of a tensor be a view of `base` again."""
        names = self.names_of(self.unique[view.name].tensor) if view.name in self.unique else []
        for entry in self.entries:
            if entry.name in names:
                entry.put(view.of(base))
        if not names:
            path, _, key = view.name.rpartition(".")
            self._network.get_submodule(path).__dict__[key] = view.of(base)

    def own_memory(self, tied: frozenset[str]) -> None:
        """Give each tensor that cannot be written in place, such as an expanded one, its own copy.

        Args:
            tied: names of tensors that lie in the memory of others on purpose.
        """
        for name, entry in self.unique.items():
            tensor = entry.tensor.detach()
            if name not in tied and (tensor.is_conj() or tensor.is_neg() or repeats(tensor)):
                copy = (
                    tensor.resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
                )
                for other in self.entries:
                    if other.tensor is entry.tensor:
                        other.put(copy)

    def named(self) -> dict[str, Tensor]:
        """Parameters and buffers by all of their names, as the network holds them now."""
        now = {entry.name: entry.now for entry in self.entries}
        return {name: tensor.detach() for name, tensor in now.items() if tensor is not None}

    def require_unchanged(self) -> None:
        """Refuse a network that holds other tensors than when training began.

        Raises:
            NetworkError: it does.
        """
        now = {entry.name: entry for entry in _walk(self._network)}
        before = {entry.name: entry for entry in self.entries}
        for name, entry in now.items():
            if name not in before:
                raise NetworkError(_appeared(entry))
            require_same(before[name], entry.tensor)
        for name, entry in before.items():
            if name not in now:
                raise NetworkError(f"network: {entry.kind} {name} was removed in forward; {WHEN}")


def require_same(before: Entry, tensor: Tensor | None) -> Tensor:
    """Refuse a tensor in another form than the one that a name had when training began.

    Returns:
        The tensor.

    Raises:
        NetworkError: it has one.
    """
    what = f"network: {before.kind} {before.name}"
    if tensor is None:
        raise NetworkError(f"{what} was removed in forward; {WHEN}")
    if tensor.shape != before.shape:
        found = f"from {list(before.shape)} to {list(tensor.shape)}"
        raise NetworkError(f"{what} changed its shape {found} in forward; {WHEN}")
    if tensor.dtype != before.dtype:
        found = f"from {before.dtype} to {tensor.dtype}"
        raise NetworkError(f"{what} changed its type {found} in forward; {WHEN}")
    if before.kind == "frozen parameter" and tensor.requires_grad:
        raise NetworkError(
            f"{what} requires a gradient by now, but only parameters that do so when the "
            "constructor returns are trained; begin a new run for the next stage with --from"
        )
    if before.kind == "parameter" and tensor is not before.tensor:
        raise NetworkError(
            f"network: {before.name} was replaced by another parameter during training, so it "
            "would no longer be trained; change it in place, as in weight.data.clamp_(...)"
        )
    return tensor


def _walk(network: nn.Module) -> Iterator[Entry]:
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


def _attributes(network: nn.Module, known: set[int]) -> Iterator[Entry]:
    """Plain tensors that the modules hold, also in lists and dictionaries."""
    for prefix, module in network.named_modules():
        path = f"{prefix}." if prefix else ""
        for key, value in module.__dict__.items():
            for suffix, tensor in _tensors_in(value):
                if id(tensor) not in known and tensor.layout == torch.strided:
                    yield _entry(f"{path}{key}{suffix}", module, key, "attribute", tensor)


def _tensors_in(value: object) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield "", value
    elif isinstance(value, list | tuple):
        yield from ((f"[{i}]", each) for i, each in enumerate(value) if isinstance(each, Tensor))
    elif isinstance(value, dict):
        yield from ((f"[{k!r}]", each) for k, each in value.items() if isinstance(each, Tensor))


def _require_usable(entry: Entry) -> None:
    """Refuse a tensor that can be neither trained nor saved."""
    name, tensor = entry.name, entry.tensor
    if nn.parameter.is_lazy(tensor):
        raise UnknownPartError(
            f"network: found the lazy {entry.kind} {name}, expected one with a shape: "
            "name the layer's inputs"
        )
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_nested:
        raise UnknownPartError(
            f"network: found {entry.kind} {name} of {_form(tensor)}, expected a dense tensor; keep "
            "its parts, such as indices and values, as buffers of their own"
        )
    if tensor.dtype not in TYPES:
        expected = ", ".join(str(dtype).removeprefix("torch.") for dtype in TYPES)
        raise UnknownPartError(
            f"network: found {entry.kind} {name} of {tensor.dtype}, which a checkpoint cannot "
            f"hold; expected one of {expected}"
        )
    if entry.kind == "parameter" and tensor.dtype != torch.float32:
        is_short = tensor.dtype in (torch.bfloat16, torch.float16)
        advice = "for bf16 arithmetic set train.precision" if is_short else "call .float() on it"
        raise UnknownPartError(
            f"network: found {name} of {tensor.dtype}, expected torch.float32 for a parameter that "
            f"is trained; {advice}, or freeze it with requires_grad_(False)"
        )
    if entry.kind == "parameter" and repeats(tensor.detach()):
        raise UnknownPartError(
            f"network: found {name} {list(tensor.shape)}, of which several elements are one number "
            "in memory; make the smaller tensor the parameter and expand it in forward"
        )


def _form(tensor: Tensor) -> str:
    if tensor.is_quantized:
        return str(tensor.dtype)
    return "nested layout" if tensor.is_nested else str(tensor.layout)


def _require_tie(entry: Entry, view: View) -> None:
    """Refuse a plain attribute that cannot be made a view again."""
    is_plain = entry.module.__dict__.get(entry.key) is entry.tensor
    if entry.kind == "attribute" and (entry.tensor.grad_fn is not None or not is_plain):
        raise UnknownPartError(
            f"network: the attribute {entry.name} shares the memory of {view.base}, but would not "
            f"follow it in training; compute it from {view.base} in forward"
        )


def _appeared(entry: Entry) -> str:
    return (
        f"network: {entry.kind} {entry.name} was created in forward, so it would be neither "
        f"trained nor found in a checkpoint; {WHEN}: create it in __init__"
    )
