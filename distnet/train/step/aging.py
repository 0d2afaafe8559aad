"""Counters: numbers and lists that grow with every slice, and may matter only later.

A network that behaves differently after its first 1,000 calls computes the same bits twice today.
So its counters are set, in a network built anew, to what they will be, and the slice is computed
once more. Round numbers are tried, and those just before: they are what `if calls > 500` and
`calls % 100 == 0` wait for.
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from itertools import islice, zip_longest
from typing import Any

import numpy as np
import torch
from torch import Tensor

from distnet.errors import NetworkError
from distnet.train.step.plain_state import OwnParts, slots, watched_elsewhere
from distnet.train.step.values import Slot, children

ROUND = tuple(first * 10**power for power in range(1, 6) for first in (1, 2, 5)) + (1_000_000,)
LATER = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""After this many more slices, for what is not a whole number, or counts down."""
MOST_VISITED = 1_000
"""Values in which counters are looked for."""
LONGEST, LARGEST_BYTES = 10_000, 64_000_000
"""Of a list that is made longer: its elements may all be used."""
REFUSED = [-1]
"""In place of the digests of what distnet refuses."""
Row = list[int] | None


@dataclass(frozen=True)
class Counter:
    """A number that plain values hold, or the length of a list."""

    value: float
    put: Callable[[float], None]


def counters(own: OwnParts, names: Collection[str]) -> dict[str, Counter]:
    """The counters within those attributes and variables, by the name that a user knows."""
    known = set(watched_elsewhere(own.networks))
    found: dict[str, Counter] = {}
    pending = deque(slot for slot in slots(own) if slot.name in names)
    for _ in range(MOST_VISITED):
        if not pending:
            break
        slot = pending.popleft()
        found |= _counter(slot)
        if id(slot.value) not in known and not isinstance(slot.value, Tensor | str | bytes):
            known.add(id(slot.value))
            parts = islice(children(slot.value), MOST_VISITED)
            pending.extend(replace(part, name=f"{slot.name}{part.name}") for part in parts)
    return found


def find_influence(
    own: OwnParts,
    names: Collection[str],
    before: Mapping[str, float],
    after: Mapping[str, float],
    compute: Callable[[], Row],
) -> tuple[str, int] | None:
    """A counter whose later values change what is computed, and after how many slices.

    Args:
        own: what `compute` uses; it is not used afterwards.
        names: the attributes and variables within which the counters are.
        before: the values of the counters.
        after: the same after one more slice.
        compute: computes the slice.
    """
    steps = {name: after.get(name, value) - value for name, value in before.items()}
    later = {name: _later(before[name], step) for name, step in steps.items() if step}
    if not later or compute() is None:  # creates what a forward creates when it is first called
        return None

    def row(values: Mapping[str, float]) -> Row:
        for name, counter in counters(own, names).items():
            if name in before:
                counter.put(values.get(name, before[name]))
        try:
            return compute()
        except NetworkError:
            return REFUSED
        except Exception:  # it may refuse a value that it never reaches
            return None

    expected = row(before)
    for values in zip_longest(*later.values()):
        aged = {name: v for name, v in zip(later, values, strict=True) if v is not None}
        if expected is not None and row(aged) not in (None, expected):
            alone = (name for name in aged if row({name: aged[name]}) not in (None, expected))
            name = next(alone, next(iter(aged)))
            return name, max(1, round((aged[name] - before[name]) / steps[name]))
    return None


def _later(value: float, step: float) -> list[float]:
    """Values that a counter will have, or that it will have just before a round one."""
    if not (math.isfinite(value) and math.isfinite(step)):
        return []
    if not (float(value).is_integer() and float(step).is_integer() and step > 0):
        down = [-step, 0 * value] if value > 0 > step else []  # to zero, as `left -= 1`
        return [*down, *(value + step * count for count in LATER)]
    goals = [each for goal in ROUND for each in (goal - step, goal)]
    return sorted({goal for goal in goals if goal > value})


def _counter(slot: Slot) -> dict[str, Counter]:
    """The counter that a value is, if any."""
    value, name = slot.value, slot.name
    match value:
        case bool() | np.bool_():
            return {}
        case int() | float() | np.integer() | np.floating() if slot.owner is not None:
            kind = type(value)
            return {name: Counter(float(value), lambda new: slot.put(kind(new)))}
        case Tensor() if value.numel() == 1 and not value.requires_grad and _is_number(value):
            return {name: Counter(value.item(), lambda new: _fill(value, new))}
        case list() | deque() if value:
            return {f"len({name})": Counter(len(value), lambda new: _lengthen(value, int(new)))}
    return {}


def _is_number(value: Tensor) -> bool:
    is_dense = value.layout == torch.strided and not (value.is_meta or value.is_quantized)
    return is_dense and not value.is_complex() and value.dtype != torch.bool


def _fill(value: Tensor, new: float) -> None:
    value.fill_(new)


def _lengthen(value: list[Any] | deque[Any], length: int) -> None:
    """Repeat the last element of a list until it is that long, if memory allows."""
    size = getattr(value[-1], "nbytes", 1)
    if length <= LONGEST and length * size <= LARGEST_BYTES:
        value.extend([value[-1]] * (length - len(value)))
        while isinstance(value, list) and len(value) > length:
            value.pop()
