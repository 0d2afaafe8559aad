"""Counts with their noun, and lists of names, for messages."""

from collections.abc import Sequence


def counted(count: float, noun: str, several: str = "") -> str:
    """Format a count with its noun: `1 worker`, `2 workers`, `1,000 CPUs`, `0.5 CPUs`.

    Args:
        count: how many.
        noun: for one.
        several: for all other counts, where an s is not enough: `classes`.
    """
    number = f"{count:,.0f}" if float(count).is_integer() else f"{count:.4g}"
    return f"{number} {noun if count == 1 else several or f'{noun}s'}"


def listed(names: Sequence[object], most: int) -> str:
    """Name the first of several: `a, b and 3 more`."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, names[:most])) + more
