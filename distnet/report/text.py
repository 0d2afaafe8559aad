"""Numbers, times and sizes as short texts."""

import math
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from distnet.spec.metric import Metric

BARS = "▁▂▃▄▅▆▇█"
NONE = "-"


def number(value: float | None) -> str:
    """Write 60000 as `60,000`, 0.954321 as `0.9543`, 1e-05 as `1e-05`."""
    if value is None:
        return NONE
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def whole_epochs(num_epochs: float) -> int:
    """Count the epochs of a run, the last of which may be cut short."""
    return math.ceil(round(num_epochs, 6))


def score(value: float | None) -> str:
    """Write a number with four decimals, so that a column of them lines up."""
    if value is None or not math.isfinite(value):
        return number(value)
    return f"{value:,.4f}" if 1e-3 <= abs(value) < 1000 or value == 0 else number(value)


def change(metric: Metric, difference: float | None) -> str:
    """Write how a metric differs, in brackets: ` (+1.20 pp)` of a percentage, ` (-0.03)`."""
    if difference is None:
        return ""
    if metric.format == "percent":
        return f" ({100 * difference:+.2f} pp)"
    return f" ({difference:+.4g})"


def rate(value: float | None) -> str:
    """Write samples/s without decimals."""
    return number(round(value) if value is not None and math.isfinite(value) else None)


def progress(done: int, planned: float | None) -> str:
    """Write how many are done: `3 / 10`, or `10` when all are."""
    if planned is None or done >= planned:
        return number(done)
    return f"{number(done)} / {number(planned)}"


def duration(seconds: float | None) -> str:
    """Write 4.2 as `4.2 s`, 185 as `3 min 05 s`, 7400 as `2 h 03 min`."""
    if seconds is None or not math.isfinite(seconds):
        return NONE
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def clock(seconds: float) -> str:
    """Write 185 as `3:05`, 7400 as `2:03:20`."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(num_bytes: float) -> str:
    """Write 11213456 as `11.2 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if num_bytes < 1000:
            return f"{num_bytes:.0f} B" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1000
    return f"{num_bytes:.1f} TB"


def local_time(time: float | None) -> str:
    """Write seconds since 1970 as a local date and time; a dash for none that a calendar has."""
    if time is None or not math.isfinite(time):
        return NONE
    try:
        return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M")
    except (OverflowError, ValueError, OSError):
        return NONE


def cell(value: Any, key: str = "") -> str:
    """Write the value of a table's cell; a key with `bytes` in it makes it a size."""
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: NONE}[value]
    if isinstance(value, int | float):
        return size(value) if "bytes" in key else number(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or NONE
    return str(value)


def label(key: str) -> str:
    """Write a dotted key as words: `memory_bytes.data` as `memory, data`."""
    return key.replace("_bytes", "").replace("num_", "").replace(".", ", ").replace("_", " ")


def flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Turn nested objects into one, with dotted keys; lists of plain values stay as they are."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        inner = _inner(value)
        flat |= flatten(inner, f"{prefix}{key}.") if inner else {f"{prefix}{key}": value}
    return flat


def sparkline(values: list[float], width: int = 40) -> str:
    """Draw finite values as a line of bars, at most `width` characters."""
    means = part_means(values, width)
    if not means:
        return ""
    low, high = min(means), max(means)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(BARS[round((mean - low) * scale)] for mean in means)


def part_means(values: Sequence[float], num_parts: int) -> list[float]:
    """Take the means of the finite values over at most `num_parts` equal parts of them."""
    finite = [value for value in values if math.isfinite(value)]
    num_parts = min(num_parts, len(finite))
    edges = [i * len(finite) // num_parts for i in range(num_parts + 1)] if finite else []
    return [sum(finite[lo:hi]) / (hi - lo) for lo, hi in pairwise(edges)]


def shorten(name: str, length: int = 14) -> str:
    """Cut a long name to `length` characters, the last of them an ellipsis."""
    return name if len(name) <= length else name[: length - 1] + "…"


def _inner(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return value
    if isinstance(value, list | tuple) and any(isinstance(item, dict) for item in value):
        return {str(index): item for index, item in enumerate(value)}
    return {}
