"""Numbers, workers and times in plain words, for the reasons of decisions."""

import math
from collections.abc import Iterable, Mapping

from distnet.scheduler.view import Shape
from distnet.spec.plural import counted


def amount(cpus: float, gpus: float) -> str:
    """Write `2 CPUs and 1 GPU`."""
    parts = [counted(cpus, "CPU")] if cpus or not gpus else []
    parts += [counted(gpus, "GPU")] if gpus else []
    return " and ".join(parts)


def gang(shape: Shape) -> str:
    """Write `4 workers with 2 CPUs and 1 GPU each`."""
    return workers(shape.fewest, shape)


def workers(count: int, shape: Shape) -> str:
    """Write so many workers of a shape."""
    each = " each" if count != 1 else ""
    return f"{counted(count, 'worker')} with {amount(shape.cpus, shape.gpus)}{each}"


def span(seconds: float) -> str:
    """Write 5400 as `1 h 30 min`, 75 as `75 s`."""
    if math.isinf(seconds):
        return "an unknown time"
    if seconds < 120:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} d {hours % 24} h"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def some(names: Iterable[str], most: int = 2) -> str:
    """Write `a`, `a and b`, or `a, b and 3 others`."""
    known = list(names)
    rest = len(known) - most
    if rest > 0:
        return f"{', '.join(known[:most])} and {counted(rest, 'other')}"
    return " and ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))


def where(placement: Mapping[str, int], names: Mapping[str, str]) -> str:
    """Write `2 workers on node-a`, or `8 workers on 3 nodes`."""
    count = counted(sum(placement.values()), "worker")
    if len(placement) == 1:
        [node] = placement
        return f"{count} on {names.get(node) or node}"
    return f"{count} on {len(placement)} nodes"
