"""Amounts with units: "2h", "90s", "24GB", "512MiB", "25Gbit", "50us"."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
BYTES = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12} | {
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}
BANDWIDTHS = {"kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8, "tbit": 1e12 / 8}
"""In bytes per second."""
LATENCIES = {"us": 1e-6, **SECONDS}
AMOUNT = r"^\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([a-zA-Z]+)\s*$"


def seconds(value: object) -> object:
    """Turn "2h" into 7200.0; numbers are seconds already.

    Raises:
        ValueError: it is not a duration.
    """
    return _amount(value, SECONDS, "a time such as 90s, 10m or 2h")


def size(value: object) -> object:
    """Turn "24GB" into 24000000000; numbers are bytes already.

    Raises:
        ValueError: it is not a size.
    """
    amount = _amount(value, BYTES, "a size such as 500MB or 24GB")
    return int(amount) if isinstance(value, str) else amount


def bandwidth(value: object) -> object:
    """Turn "10Gbit" into 1.25e9 bytes per second; so are numbers already.

    Raises:
        ValueError: it is not a bandwidth.
    """
    text = value.strip().removesuffix("/s") if isinstance(value, str) else value
    return _amount(text, BANDWIDTHS, "a bandwidth such as 100Mbit or 25Gbit")


def latency(value: object) -> object:
    """Turn "50us" into 0.00005; numbers are seconds already.

    Raises:
        ValueError: it is not a latency.
    """
    return _amount(value, LATENCIES, "a latency such as 50us or 1ms")


def _amount(value: object, units: Mapping[str, float], expected: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    match = re.match(AMOUNT, value) if isinstance(value, str) else None
    if match is None or match[2].lower() not in units:
        raise ValueError(f"expected {expected}")
    return float(match[1]) * units[match[2].lower()]


def _written(kind: str, units: Mapping[str, float]) -> WithJsonSchema:
    """Describe the amount for editors: a number, or text with one of the units."""
    unit = "|".join("".join(f"[{c.upper()}{c}]" for c in name) for name in units)
    text = {"type": "string", "pattern": rf"^\s*[0-9]+(\.[0-9]+)?\s*({unit})\s*$"}
    return WithJsonSchema({"anyOf": [{"type": kind, "exclusiveMinimum": 0}, text]})


Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    Field(gt=0, allow_inf_nan=False),
    _written("number", SECONDS),
]
Bytes = Annotated[int, BeforeValidator(size), Field(gt=0, lt=2**63), _written("integer", BYTES)]
Bandwidth = Annotated[
    float,
    BeforeValidator(bandwidth),
    Field(gt=0, allow_inf_nan=False),
    _written("number", BANDWIDTHS),
]
Latency = Annotated[
    float,
    BeforeValidator(latency),
    Field(gt=0, allow_inf_nan=False),
    _written("number", LATENCIES),
]
