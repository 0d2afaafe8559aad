"""A sweep as it stands: a row for each trial, the best first.

A sweep of runs here and a sweep of jobs on a server are shown by the same rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from statistics import mean, stdev
from typing import Any, Self

from distnet.protocol.message import Message
from distnet.protocol.metrics import Headline
from distnet.spec.metric import Metric, order
from distnet.spec.plural import counted
from distnet.spec.sweep import FOLD
from distnet.spec.value_text import value_text

FINISHED = "finished"
STOPPED_EARLY = "stopped early"


class TrialResponse(Message):
    """One run or job of a sweep."""

    name: str
    changes: dict[str, Any]
    """By dotted key, its value in the job file of this trial."""
    state: str
    """As of a job, or of a run: `finished`, `failed`, `running`; `waiting` if it has not begun, and
    `stopped early` if other trials were better."""
    value: float | None = None
    """The headline metric of its last evaluation; null before the first."""
    step: int | None = None
    seconds: float | None = None
    """Of training, over all attempts."""
    error: str | None = None
    """What ended it, if it failed."""
    reason: str = ""
    """Of a job: why it is in its state, such as `stopped early at epoch 3 of 27: ...`."""


class FoldsResponse(Message):
    """The trials that differ in nothing but the fold that is left out of their training."""

    changes: dict[str, Any]
    """What they have in common."""
    trials: tuple[str, ...]
    values: int
    """How many of them have been evaluated."""
    mean: float | None = None
    deviation: float | None = None
    """The standard deviation over the folds, with n - 1; null for fewer than two values."""

    def text(self, name: str, metric: Metric) -> str:
        """What was measured: `the mean fold accuracy is 95.2%, its standard deviation 0.3%`."""
        common = ", ".join(f"{key}={value_text(value)}" for key, value in self.changes.items())
        which = f"the best is {common}: " if common else ""
        mean, deviation = metric.text(self.mean), metric.text(self.deviation)
        folds = f"{self.values} of {len(self.trials)} folds"
        return f"{which}the mean {name} is {mean}, its standard deviation {deviation} ({folds})"


class SweepResponse(Message):
    """A sweep: its trials in the order of their headline metric."""

    name: str
    keys: tuple[str, ...]
    """The keys that its trials change."""
    headline: Headline | None = None
    """Null before anything is measured."""
    split: str | None = None
    """The split on which it is measured."""
    rungs: tuple[float, ...] = ()
    """The parts of their epochs at which its trials are compared, and only the best third goes on;
    empty: all train to their end."""
    trials_at_once: int | None = None
    """No more of its trials run at the same time; null: as many as fit."""
    trials: tuple[TrialResponse, ...] = ()
    folds: tuple[FoldsResponse, ...] = ()
    """Of a sweep over folds, the best first."""
    best: str | None = None
    """The first trial that has finished, or that is the best so far; of a sweep over folds, one of
    the best combination."""

    @property
    def metric(self) -> Metric | None:
        """The headline metric."""
        return None if self.headline is None else Metric(**self.headline.model_dump())

    @property
    def metric_name(self) -> str:
        """The split and the headline metric, as shown: `test accuracy`."""
        name = self.headline.name if self.headline else "result"
        return f"{self.split} {name}" if self.split and self.headline else name

    @property
    def best_text(self) -> str:
        """The best trial and its value: `the best is digits-2: test accuracy 95.88%`.

        Of a sweep over folds it is the best combination of the other keys, by its mean.
        """
        value = next((trial.value for trial in self.trials if trial.name == self.best), None)
        if self.metric is None or value is None:
            return "nothing is measured yet"
        if self.folds:
            return self.folds[0].text(self.metric_name, self.metric)
        return f"the best is {self.best}: {self.metric_name} {self.metric.text(value)}"

    @property
    def rules_text(self) -> str:
        """How its trials are run: `6 of 9 trials stopped early; ...`; empty: all to their end."""
        parts = ", ".join(f"1/{round(1 / part)}" for part in self.rungs)
        num = sum(trial.state == STOPPED_EARLY for trial in self.trials)
        rules = []
        if self.rungs:
            rules.append(f"{num:,} of {counted(len(self.trials), 'trial')} stopped early")
            rules.append(f"trials are compared at {parts} of their epochs")
        if self.trials_at_once is not None:
            rules.append(f"at most {counted(self.trials_at_once, 'trial')} at once")
        return "; ".join(rules)

    @classmethod
    def ranked(
        cls,
        name: str,
        trials: Sequence[TrialResponse],
        metric: Metric | None,
        split: str | None,
        *,
        rungs: tuple[float, ...] = (),
        trials_at_once: int | None = None,
    ) -> Self:
        """Put trials in order: the best first, then those that stopped early, the others last."""
        best_first = sorted(trials, key=lambda trial: _rank(trial, metric))
        folds = sorted(_folds(trials), key=lambda one: order(one.mean, metric))
        measured = [trial for trial in best_first if trial.value is not None]
        if folds:
            measured = [trial for trial in measured if trial.name in folds[0].trials]
        finished = [trial.name for trial in measured if trial.state == FINISHED]
        return cls(
            name=name,
            keys=tuple(dict.fromkeys(key for trial in trials for key in trial.changes)),
            headline=metric and Headline.of(metric),
            split=split,
            rungs=rungs,
            trials_at_once=trials_at_once,
            trials=tuple(best_first),
            folds=tuple(folds),
            best=next(iter([*finished, *(trial.name for trial in measured)]), None),
        )


def _rank(trial: TrialResponse, metric: Metric | None) -> tuple[bool, bool, float]:
    return trial.value is None, trial.state == STOPPED_EARLY, order(trial.value, metric)


def _folds(trials: Sequence[TrialResponse]) -> Iterable[FoldsResponse]:
    """One row for the trials that have all but their fold in common."""
    groups: dict[str, list[TrialResponse]] = {}
    for trial in trials:
        if FOLD in trial.changes:
            groups.setdefault(repr(_common(trial.changes)), []).append(trial)
    for group in groups.values():
        values = [trial.value for trial in group if trial.value is not None]
        yield FoldsResponse(
            changes=_common(group[0].changes),
            trials=tuple(trial.name for trial in group),
            values=len(values),
            mean=mean(values) if values else None,
            deviation=stdev(values) if len(values) > 1 else None,
        )


def _common(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in changes.items() if key != FOLD}
