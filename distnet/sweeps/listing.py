"""A sweep as tables of text, for a terminal and for a page."""

from collections.abc import Mapping, Sequence
from typing import Any

from distnet.protocol.sweeps import SweepResponse, TrialResponse
from distnet.report.parts import Listing
from distnet.report.text import NONE, duration, number
from distnet.spec.metric import Metric
from distnet.spec.sweep import FOLD
from distnet.spec.value_text import value_text


def listings(sweep: SweepResponse) -> list[Listing]:
    """The trials, the best first; of a sweep over folds, first the mean of each combination."""
    return [*([_folds(sweep)] if sweep.folds else []), _trials(sweep)]


def _trials(sweep: SweepResponse) -> Listing:
    keys = sweep.keys
    return Listing(
        title="Trials",
        heads=("trial", *keys, sweep.metric_name, "state", "step", "time"),
        rows=tuple(_row(trial, keys, sweep.metric) for trial in sweep.trials),
        numeric=frozenset([len(keys) + 1, len(keys) + 3]),
    )


def _row(trial: TrialResponse, keys: Sequence[str], metric: Metric | None) -> tuple[str, ...]:
    return (
        trial.name,
        *_changes(trial.changes, keys),
        metric.text(trial.value) if metric else NONE,
        trial.state,
        number(trial.step),
        duration(trial.seconds),
    )


def _folds(sweep: SweepResponse) -> Listing:
    """Each combination of the other keys: mean and standard deviation over its folds."""
    keys, metric = [key for key in sweep.keys if key != FOLD], sweep.metric
    return Listing(
        title="Folds",
        heads=(*keys, "folds", f"mean {sweep.metric_name}", "standard deviation"),
        rows=tuple(
            (
                *_changes(one.changes, keys),
                f"{one.values} of {len(one.trials)}",
                metric.text(one.mean) if metric else NONE,
                metric.text(one.deviation) if metric else NONE,
            )
            for one in sweep.folds
        ),
        numeric=frozenset(range(len(keys), len(keys) + 3)),
    )


def _changes(values: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    return [value_text(values[key]) if key in values else NONE for key in keys]
