"""Early stopping: training ends when evaluations in a row have brought no better value.

Source: Prechelt 1998, "Early Stopping - But When?". Evaluations have the same bits on any number of
workers, and what is known of them is a part of every checkpoint: so a run ends after the same epoch
however often it was stopped, killed or resumed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distnet.spec.metric import Metric, find_metric
from distnet.spec.sections.early_stopping import EarlyStopping


@dataclass(frozen=True)
class Watched:
    """The best evaluation so far, and how many have followed it."""

    metric: str
    best: float
    best_epoch: int
    epoch: int
    """That of the newest evaluation."""
    num_since: int = 0
    """Evaluations since the best one."""


def watch(
    spec: EarlyStopping | None,
    declared: Sequence[Metric],
    before: Watched | None,
    epoch: int,
    values: Mapping[str, float],
) -> Watched | None:
    """Take in the evaluation after an epoch.

    Args:
        spec: that of the job; without one nothing is watched.
        declared: the metrics that the task declares.
        before: what was known before; another metric, as of a resumed run, starts anew.
        epoch: from 1.
        values: what was measured, by metric.
    """
    if spec is None:
        return None
    metric = find_metric(declared, spec.metric)
    value = values[metric.name]
    if before is None or before.metric != metric.name:
        return Watched(metric.name, value, epoch, epoch)
    needed = before.best + (spec.min_delta if metric.direction == "higher" else -spec.min_delta)
    if metric.is_better(value, needed):
        return Watched(metric.name, value, epoch, epoch)
    return Watched(metric.name, before.best, before.best_epoch, epoch, before.num_since + 1)


def why_enough(spec: EarlyStopping | None, watched: Watched | None) -> str | None:
    """Say why training ends: `stopped early at epoch 7: no better accuracy since epoch 4`.

    None while it does not.
    """
    if spec is None or watched is None or watched.num_since < spec.patience:
        return None
    since = f"no better {watched.metric} since epoch {watched.best_epoch}"
    return f"stopped early at epoch {watched.epoch}: {since}"
