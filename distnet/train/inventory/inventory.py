"""Every tensor of a network, found once: for flattening, saving, hashing and exporting.

    trained     parameters that an optimizer moves; fp32
    frozen      parameters that do not require a gradient; of any type that a checkpoint can hold
    buffer      constants and running statistics, also those that are not in the state_dict
    attribute   plain tensors of a module: not saved, but they may share a parameter's memory

What a network holds is fixed when its constructor returns: what appears, vanishes or changes its
shape later would be neither trained nor saved, so it is refused by name.
"""

from fnmatch import fnmatchcase
from functools import cached_property

import torch
from torch import Tensor, nn

from distnet.train.inventory.entries import Entry, attributes, walk
from distnet.train.inventory.requirements import (
    require_hooks,
    require_known,
    require_module,
    require_same,
    require_tie,
    require_usable,
    require_values,
)
from distnet.train.inventory.ties import View, find_views, repeats


class Inventory:
    """The tensors of a network by name.

    Args:
        network: the network.
        device: where it will compute.

    Raises:
        UnknownPartError: one can be neither trained nor saved.
    """

    def __init__(self, network: nn.Module, device: str = "cpu") -> None:
        self._network = network
        self.entries = list(walk(network))
        for name, module in network.named_modules():
            require_module(name, module)
        for entry in self.entries:
            require_usable(entry)
            require_hooks(entry)
            if device != "meta":
                require_values(entry)

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
        plain = attributes(self._network, {id(entry.tensor) for entry in self.entries})
        entries = {**self.unique, **{entry.name: entry for entry in plain}}
        tensors = {name: entry.tensor.detach() for name, entry in entries.items()}
        views = find_views(tensors, set(self.trained()))
        for view in views:
            require_tie(entries[view.name], view)
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
        now = {entry.name: entry for entry in walk(self._network)}
        before = {entry.name: entry for entry in self.entries}
        for entry in now.values():
            require_same(require_known(entry, before), entry.tensor)
        for name, entry in before.items():
            require_same(entry, now[name].tensor if name in now else None)
