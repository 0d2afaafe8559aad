"""Which checkpoints are kept: the newest, and the best by a metric of the evaluation."""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from distnet.errors import CheckpointError
from distnet.spec.sections.job import Checkpoint
from distnet.train.checkpoint.checkpoint import list_names, read_facts, step_of
from distnet.train.checkpoint.store import Store


class Retention:
    """Removes the checkpoints of a run that are not kept."""

    def __init__(self, store: Store, spec: Checkpoint) -> None:
        self._store, self._spec = store, spec
        self._values: dict[str, float | None] = {}

    def prune(self) -> None:
        """Remove all but those to be kept; what cannot be removed now is removed the next time.

        Raises:
            OSError: the store does not respond.
        """
        names = self._store.names()
        kept = set(names[-self._spec.keep :])
        if self._spec.keep_best:
            kept |= set(best_first(self._read(names), self._spec)[: self._spec.keep_best])
        for name in names:
            if name not in kept:
                self._store.remove(name)

    def _read(self, names: Sequence[str]) -> dict[str, float | None]:
        """The metric of each checkpoint, each read once: what is written never changes."""
        for name in names:
            if name not in self._values:
                self._values[name] = read_metric(self._store, name, self._spec.best_metric)
        return {name: self._values[name] for name in names}


def ranked_names(store: Store, spec: Checkpoint) -> list[str]:
    """The names of the checkpoints that carry the metric, the best first.

    Raises:
        StorageError: the store does not respond.
    """
    names = list_names(store)
    return best_first({n: read_metric(store, n, spec.best_metric) for n in names}, spec)


def find_best(store: Store, spec: Checkpoint) -> str:
    """The name of the checkpoint with the best metric.

    Raises:
        CheckpointError: none carries that metric.
        StorageError: the store does not respond.
    """
    ranked = ranked_names(store, spec)
    if not ranked:
        raise CheckpointError(
            f"{store.address()}: none of {len(list_names(store))} checkpoints was "
            f"evaluated for {spec.best_metric}; set checkpoint.keep_best and "
            "checkpoint.best_metric for a run, or name a step"
        )
    return ranked[0]


def best_first(values: Mapping[str, float | None], spec: Checkpoint) -> list[str]:
    """Sort names by their metric, the best first, of equal ones the newest; leave others out."""
    sign = 1.0 if spec.best_order == "min" else -1.0
    known = [(sign * v, -step_of(n), n) for n, v in values.items() if v is not None]
    return [name for _, _, name in sorted(known)]


def read_metric(store: Store, name: str, metric: str | None) -> float | None:
    """The metric that a checkpoint carries; None where it was not evaluated, or is damaged.

    Raises:
        StorageError: the store does not respond.
    """
    facts: Mapping[str, Any] = {}
    with suppress(CheckpointError):
        facts = read_facts(store, name)
    value = facts.get("metrics", {}).get(metric)
    return float(value) if value is not None and math.isfinite(value) else None
