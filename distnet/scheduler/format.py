"""Resources, workers, durations and names as text, for the reasons of decisions."""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache

from distnet.scheduler.view import Shape
from distnet.spec.plural import counted

KNOWN = 50_000
"""Texts that are kept: each pass explains the same thousands of jobs again."""


@lru_cache(KNOWN)
def format_resources(cpus: float, gpus: float) -> str:
    """Format CPUs and GPUs: `2 CPUs and 1 GPU`."""
    parts = [counted(cpus, "CPU")] if cpus or not gpus else []
    parts += [counted(gpus, "GPU")] if gpus else []
    return " and ".join(parts)


@lru_cache(KNOWN)
def format_gang(shape: Shape) -> str:
    """Format what a job needs to start: `4 workers with 2 CPUs and 1 GPU each on gpu H100`."""
    each = " each" if shape.min_workers != 1 else ""
    resources = format_resources(shape.cpus, shape.gpus)
    where = "" if shape.selector is None else f" on {shape.selector}"
    return f"{counted(shape.min_workers, 'worker')} with {resources}{each}{where}"


def format_duration(seconds: float) -> str:
    """Format 5400 as `1 h 30 min`, 75 as `75 s`."""
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


def format_names(names: Iterable[str], limit: int = 2) -> str:
    """List at most `limit` names: `a`, `a and b`, or `a, b and 3 others`."""
    known = list(names)
    rest = len(known) - limit
    if rest > 0:
        return f"{', '.join(known[:limit])} and {counted(rest, 'other')}"
    return " and ".join(filter(None, [", ".join(known[:-1]), *known[-1:]]))


def format_placement(placement: Mapping[str, int], names: Mapping[str, str]) -> str:
    """Format where workers are: `2 workers on node-a`, or `8 workers on 3 nodes`.

    Args:
        names: of nodes, by node id.
    """
    count = counted(sum(placement.values()), "worker")
    if len(placement) == 1:
        [node] = placement
        return f"{count} on {names.get(node) or node}"
    return f"{count} on {len(placement)} nodes"
