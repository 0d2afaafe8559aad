"""The numbers of a record, by the tags under which TensorBoard and trackers show them."""

from typing import Any

KINDS = ("step", "epoch", "logged", "final")
"""The kinds of records that have some."""


def scalars(record: dict[str, Any]) -> dict[str, float]:
    """The numbers of a record: `step/loss`, `train/loss`, `test/accuracy`, `logged/<name>`."""
    found: dict[str, float] = {}
    if record["kind"] == "final":
        record = {"kind": "final", record["split"]: record["metrics"]}
    for name, value in record.items():
        if isinstance(value, dict):
            found |= {f"{name}/{k}": v for k, v in value.items() if isinstance(v, float)}
        elif isinstance(value, float) and name not in ("seconds", "wall"):
            found[f"{record['kind']}/{name}"] = value
    return found
