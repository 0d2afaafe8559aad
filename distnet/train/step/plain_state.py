"""The state that a network and a task keep in plain Python values, which no checkpoint carries.

It is digested before and after a slice, to find by name what a forward changes: attributes of
modules and tasks, variables of the user's own files and of classes and functions in them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from distnet.spec.code.importer import PREFIX
from distnet.tasks.checked import unwrapped
from distnet.tasks.task import NETWORK, Networks, Task
from distnet.train.checkpoint.extra_state import has_extra_state
from distnet.train.step.values import OF_MODULES, Slot, is_own, of_class, value_digest


@dataclass(frozen=True)
class OwnParts:
    """What computes slices."""

    networks: Networks
    """The network that trains and its shadows."""
    task: Task
    modules: Sequence[ModuleType]
    """The user's own files, as far as they have been imported."""


def plain_state(parts: OwnParts) -> dict[str, bytes]:
    """A digest of each attribute and variable, by the name that a user knows."""
    known = watched_elsewhere(parts.networks)
    return {slot.name: value_digest(slot.value, known) for slot in slots(parts)}


def changed(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> tuple[str, ...]:
    """The names whose values differ."""
    return tuple(name for name in after if before.get(name) != after[name])


def slots(parts: OwnParts) -> Iterator[Slot]:
    """Each attribute and variable, by the name that a user knows."""
    for network, module in parts.networks.items():
        for path, part in module.named_modules():
            prefix = ".".join(filter(None, ("self" if network == NETWORK else network, path)))
            if not has_extra_state(part):  # else a checkpoint holds it
                own = {k: v for k, v in vars(part).items() if k not in OF_MODULES}
                yield from (Slot(f"{prefix}.{k}", v, part, k) for k, v in own.items())
    task = unwrapped(parts.task)
    of_task = dict(getattr(task, "__dict__", {}))
    yield from (Slot(f"task.{key}", value, task, key) for key, value in of_task.items())
    for variables in _variables(parts):
        yield from _of_file(variables)


def _of_file(variables: dict[str, Any]) -> Iterator[Slot]:
    """The variables of a file, and those of its classes and functions."""
    file = Path(str(variables.get("__file__"))).name
    for key, value in list(variables.items()):
        if key.startswith("__") or isinstance(value, ModuleType):
            continue
        if not isinstance(value, type | FunctionType):
            yield Slot(f"{key} of {file}", value, variables, key)
        elif not is_own(value) or value.__module__ != variables.get("__name__"):
            continue
        elif isinstance(value, type):
            yield from (replace(slot, name=f"{key}{slot.name}") for slot in of_class(value))
        else:
            yield Slot(f"{key} of {file}", value)


def _variables(parts: OwnParts) -> list[dict[str, Any]]:
    """The variables of each of the user's own files; a file may have been imported twice."""
    found = {id(vars(module)): vars(module) for module in parts.modules}
    classes = {type(part) for network in parts.networks.values() for part in network.modules()}
    for cls in {*classes, type(unwrapped(parts.task))}:
        for value in list(vars(cls).values()) if is_own(cls) else ():
            if isinstance(value, FunctionType):
                found[id(value.__globals__)] = value.__globals__
    return [each for each in found.values() if str(each.get("__name__")).startswith(PREFIX)]


def watched_elsewhere(networks: Networks) -> frozenset[int]:
    """The ids of modules and parameters, which plain values may refer to as well."""
    modules = [part for network in networks.values() for part in network.modules()]
    parameters = [p for network in networks.values() for p in network.parameters()]
    return frozenset(map(id, (*modules, *parameters)))
