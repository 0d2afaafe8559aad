"""Numbers with their units, for findings."""

from collections.abc import Iterable

UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def size(num_bytes: float) -> str:
    """Bytes, such as `1.5 GB`."""
    unit = 0
    while num_bytes >= 1000 and unit < len(UNITS) - 1:
        num_bytes, unit = num_bytes / 1000, unit + 1
    return f"{num_bytes:.3g} {UNITS[unit]}"


def bandwidth(bytes_per_s: float) -> str:
    """Bytes a second as a network's speed, such as `940 Mbit/s`."""
    megabits = bytes_per_s * 8 / 1e6
    return f"{megabits / 1000:.3g} Gbit/s" if megabits >= 1000 else f"{megabits:.3g} Mbit/s"


def duration(seconds: float) -> str:
    """A short time, such as `1.2 ms`."""
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def listed(names: Iterable[object]) -> str:
    """Some names in one text, the first eight of them."""
    texts = [str(name) for name in names]
    more = f" and {len(texts) - 8} more" if len(texts) > 8 else ""
    return ", ".join(texts[:8]) + more
