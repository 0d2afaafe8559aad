"""The state that a network and a task keep in plain Python values, which no checkpoint carries.

It is digested before and after a slice, to find by name what a forward changes: attributes of
modules and tasks, and module-level variables of a user's own file.
"""

import hashlib
import random
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.manifest import Manifest
from distnet.spec.code.importer import PREFIX
from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import NETWORK, Networks, Task
from distnet.train.checkpoint.extra_state import has_extra_state
from distnet.train.compute.digest import digests

MOST_VALUES = 10_000
"""So many values of one attribute count."""
OF_MODULES = frozenset(vars(nn.Module()))
"""The attributes that torch itself gives a module."""


def plain_state(networks: Networks, task: Task) -> dict[str, bytes]:
    """A digest of each attribute and variable, by the name that a user knows."""
    return {name: value_digest(value) for name, value in _values(networks, task)}


def value_digest(value: Any) -> bytes:
    """A digest of one value of any kind."""
    seen = _Seen()
    seen.add(value)
    return seen.digest()


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names whose values differ."""
    return tuple(name for name in after if before.get(name) != after[name])


def _values(networks: Networks, task: Task) -> Iterator[tuple[str, Any]]:
    own_task = task.task if isinstance(task, PerSample) else task
    classes: set[type] = {type(own_task)}
    for network, module in networks.items():
        for path, part in module.named_modules():
            prefix = ".".join(filter(None, ("self" if network == NETWORK else network, path)))
            classes.add(type(part))
            if not has_extra_state(part):  # else a checkpoint holds it
                own = {k: v for k, v in vars(part).items() if k not in OF_MODULES}
                yield from ((f"{prefix}.{key}", value) for key, value in own.items())
    yield from ((f"task.{key}", value) for key, value in getattr(own_task, "__dict__", {}).items())
    for variables in _variables(classes):
        file = Path(str(variables.get("__file__"))).name
        named = {k: v for k, v in variables.items() if not k.startswith("__")}
        yield from ((f"{key} of {file}", value) for key, value in named.items())


def _variables(classes: Iterable[type]) -> Iterator[dict[str, Any]]:
    """The variables of each of the user's own files."""
    found = {}
    for cls in classes:
        for value in vars(cls).values():
            if isinstance(value, FunctionType) and cls.__module__.startswith(PREFIX):
                found[id(value.__globals__)] = value.__globals__
    yield from (each for each in found.values() if str(each.get("__name__")).startswith(PREFIX))


class _Seen:
    """Digests one value of any kind; what it does not know counts by its type alone."""

    def __init__(self) -> None:
        self._hash, self._tensors, self._left = hashlib.blake2b(), list[Tensor](), MOST_VALUES
        self._known = dict[int, Any]()  # kept, so that no other value gets the same id

    def digest(self) -> bytes:
        self._hash.update(repr(digests(self._tensors)).encode())
        return self._hash.digest()

    def add(self, value: Any) -> None:
        self._left -= 1
        if self._left < 0:
            return
        self._hash.update(type(value).__name__.encode())
        match value:
            case None | bool() | int() | float() | complex() | str() | bytes() | np.generic():
                self._hash.update(repr(value).encode())
            case Tensor() if value.layout == torch.strided and not value.is_quantized:
                self._tensors.append(value)
            case np.ndarray() if value.dtype != object:
                self._hash.update(value.tobytes())
            case type() | ModuleType() | FunctionType() | Tensor() | Manifest():
                return
            case _ if id(value) not in self._known:
                self._known[id(value)] = value
                for part in _parts(value):
                    self.add(part)


def _parts(value: Any) -> Iterable[Any]:
    """What a compound value consists of."""
    parts: Iterable[Any]
    match value:
        case list() | tuple() | deque():
            parts = len(value), *value
        case dict():
            parts = len(value), *(each for pair in value.items() for each in pair)
        case set() | frozenset():
            parts = len(value), *sorted(map(repr, value))
        case torch.Generator():
            parts = (value.get_state(),)
        case random.Random():
            parts = value.getstate()
        case np.random.Generator():
            parts = (value.bit_generator.state,)
        case np.random.RandomState():
            parts = value.get_state(legacy=True)
        case nn.Module():
            own = {k: v for k, v in vars(value).items() if k not in OF_MODULES}
            parts = *value.parameters(), *value.buffers(), own
        case _ if hasattr(value, "cache_info"):
            parts = (value.cache_info().currsize,)  # of functools.lru_cache
        case _:
            parts = (getattr(value, "__dict__", None),)
    return parts
