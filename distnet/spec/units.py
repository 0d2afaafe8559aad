"""Amounts with units, as people write them: "2h", "90s", "24GB", "512MiB"."""

import re
from typing import Annotated

from pydantic import BeforeValidator, Field

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
AMOUNT = re.compile(r"^\s*([0-9]+(?:\.[0-9]+)?)\s*([a-zA-Z]+)\s*$")


def seconds(value: object) -> object:
    """Turn "2h" into 7200.0; numbers pass as seconds, other things are left for pydantic.

    Raises:
        ValueError: the text is no amount of time.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return _amount(value, SECONDS, "a time such as 90s, 10m or 2h")


def size(value: object) -> object:
    """Turn "24GB" into 24000000000; numbers pass as bytes, other things are left for pydantic.

    Raises:
        ValueError: the text is no amount of memory.
    """
    amount = _amount(value, BYTES, "a size such as 500MB or 24GB")
    return int(amount) if isinstance(amount, float) else amount


def _amount(value: object, units: dict[str, float] | dict[str, int], expected: str) -> object:
    if not isinstance(value, str):
        return value
    match = AMOUNT.match(value)
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected {expected}")
    return float(match[1]) * units[match[2].lower()]


Seconds = Annotated[float, BeforeValidator(seconds), Field(gt=0, allow_inf_nan=False)]
Bytes = Annotated[int, BeforeValidator(size), Field(gt=0)]
