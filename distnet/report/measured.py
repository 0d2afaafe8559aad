"""One number that a run was measured by: its split, its metric, its value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distnet.report.run import Run
from distnet.run_folder.records.kinds import Epoch
from distnet.spec.halving import rung_epoch
from distnet.spec.metric import LOSS, Metric


@dataclass(frozen=True)
class Measured:
    """A value of a metric on a split."""

    split: str
    metric: Metric
    value: float

    @property
    def name(self) -> str:
        """The split and the metric as shown: `test accuracy`."""
        return f"{self.split} {self.metric.name}"

    @property
    def key(self) -> str:
        """The same as a key of JSON: `test_accuracy`."""
        return f"{self.split}_{self.metric.name}"

    @property
    def text(self) -> str:
        """The value as shown: `95.88%`."""
        return self.metric.text(self.value)

    def to_dict(self) -> dict[str, Any]:
        """The split, the metric and the value, for JSON."""
        return {"split": self.split, **self.metric.to_dict(), "value": self.value}


def headline_of(run: Run) -> Measured | None:
    """Return the headline metric; None before the first evaluation.

    Of a run that is measured on a split of its own at the end, that figure; else the newest one.
    """
    metric, final = run.headline, run.history.final
    split, measured = (final.split, final.metrics) if final else (run.split, run.evaluated)
    if metric is None or metric.name not in measured:
        return None
    return Measured(split, metric, measured[metric.name])


def compared_by(run: Run) -> Measured | None:
    """Return the headline metric by which a run is compared with others, to choose one of them.

    That is the one on the split that is measured while it trains: what is measured once, at the
    end, would look too good if anything was chosen by it. It is that of the weights that the end
    has measured, else the newest one; None before the first evaluation.
    """
    metric, final = run.headline, run.history.final
    measured = run.evaluated
    for epoch in run.history.epochs:
        if final is not None and epoch.step == final.weights_step and run.split in epoch.evaluated:
            measured = epoch.evaluated[run.split]
    if metric is None or metric.name not in measured:
        return None
    return Measured(run.split, metric, measured[metric.name])


def measured_at(run: Run, rungs: Sequence[float]) -> list[tuple[Epoch, float]]:
    """List what a run is compared by at the rungs of its sweep, as far as it has come.

    Args:
        run: of a trial.
        rungs: parts of its epochs, rising.

    Returns:
        For each rung the epoch at which the headline metric was measured first from there on, and
        its value.
    """
    metric, num_epochs, found = run.headline, run.plan.get("epochs"), list[tuple[Epoch, float]]()
    if metric is None or not isinstance(num_epochs, int | float):
        return []
    evaluated = [
        (epoch, values[metric.name])
        for epoch in run.history.epochs
        if metric.name in (values := epoch.evaluated.get(run.split, {}))
    ]
    for part in rungs:
        first = rung_epoch(num_epochs, part)
        found += [one for one in evaluated if one[0].epoch >= first][:1]
    return found


def last_measured(run: Run) -> list[Measured]:
    """List the metrics of the newest epoch in training, of the last evaluation, and of the end."""
    loss = run.history.train_loss
    trained = run.history.epochs[-1].train if run.history.epochs else {}
    if loss is not None:
        trained = {LOSS.name: loss, **trained}
    return [*measured_on(run, {"train": trained}), *last_evaluated(run)]


def last_evaluated(run: Run) -> list[Measured]:
    """List the metrics of the last evaluation, and of what is measured once, at the end."""
    final = run.history.final
    at_end = {final.split: final.metrics} if final else {}
    return measured_on(run, {run.split: run.evaluated, **at_end})


def measured_in(run: Run, epoch: Epoch) -> list[Measured]:
    """List the metrics of an epoch: in training, then of each evaluated split."""
    return measured_on(run, {"train": epoch.train, **epoch.evaluated})


def measured_on(run: Run, splits: Mapping[str, Mapping[str, float]]) -> list[Measured]:
    """List values of metrics by split and name; an undeclared metric is a plain number."""
    declared = {metric.name: metric for metric in (LOSS, *run.metrics)}
    return [
        Measured(split, declared.get(name, Metric(name)), value)
        for split, values in splits.items()
        for name, value in values.items()
    ]
