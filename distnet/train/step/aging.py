"""Counters: numbers in attributes that change with every slice, and may matter only later.

A network that behaves differently after its first 1,000 calls computes the same bits twice today.
So its counters are set, in a network built anew, to what they will be, and the slice is computed
once more.
"""

from collections.abc import Callable, Sequence
from typing import Any

from distnet.tasks.per_sample import PerSample
from distnet.tasks.task import NETWORK, Networks, Task

LATER = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
"""After this many more slices."""
Row = list[int] | None


def numbers(networks: Networks, task: Task, names: Sequence[str]) -> dict[str, float]:
    """The values of those attributes that are numbers."""
    values: dict[str, Any] = {n: getattr(*_owner(networks, task, n), None) for n in names}
    return {n: v for n, v in values.items() if type(v) in (int, float)}


def find_influence(
    networks: Networks,
    task: Task,
    before: dict[str, float],
    after: dict[str, float],
    compute: Callable[[], Row],
) -> tuple[str, int] | None:
    """The first counter whose later values change what is computed, and after how many slices.

    Args:
        networks: a network that is not used afterwards, as the task sees it.
        task: the one that goes with it.
        before: the counters.
        after: the same after one more slice.
        compute: computes the slice with that network.
    """
    for name, value in before.items():
        step = after.get(name, value) - value
        expected = _with(networks, task, name, value, compute)
        for count in LATER:
            later = type(value)(value + step * count)
            found = _with(networks, task, name, later, compute) if step else None
            if found is not None and expected is not None and found != expected:
                return name, count
    return None


def _with(networks: Networks, task: Task, name: str, value: Any, compute: Callable[[], Row]) -> Row:
    setattr(*_owner(networks, task, name), value)
    try:
        return compute()
    except Exception:  # it may refuse a value that it never reaches
        return None


def _owner(networks: Networks, task: Task, name: str) -> tuple[Any, str]:
    """The object that has an attribute called `name` by `plain_state`, and the attribute."""
    path, _, key = name.rpartition(".")
    first, _, rest = path.partition(".")
    if first == "task":
        return (task.task if isinstance(task, PerSample) else task), key
    if first == "self":
        return networks[NETWORK].get_submodule(rest), key
    return None, key
