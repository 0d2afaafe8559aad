"""Successive halving: which trials of a sweep go on from a rung, and which end there.

All trials train for a small part of their epochs, the better ones go on, these train for three
times as long, and so on. A trial pauses at a rung until its fate is certain: it goes on as soon as
it is among the best that are kept, whatever the trials that are still to come will measure, and
ends as soon as that many others are better. So the same trials go on in whichever order they come,
on one machine and on a server with many.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization" (AISTATS 2016), algorithm 1. A budget is a part of the epochs; eta is 3, as in Li et
al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), which is ASHA. There a
trial goes on if it is among the best third of those that happened to come before it, so that the
fast ones are preferred; here it waits for those that could still change the decision.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distnet.spec.metric import Metric, order
from distnet.spec.sections.job import Train

ETA = 3
"""A rung keeps one of this many trials, and the next one is this many times as far."""
DEFAULT_EPOCHS = 10
"""Of a job file that names neither epochs nor steps."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A trial as far as it is known."""

    name: str
    values: tuple[float | None, ...] = ()
    """Its headline metric at each rung to which it has come; None: not a number."""
    has_ended: bool = False
    """It comes to no other rung."""
    passed: int = 0
    """From how many rungs it has gone on; that is never taken back."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is certain of a trial, however the others will do."""

    passed: int
    """From how many rungs it goes on."""
    is_out: bool = False
    """It ends at the rung after these."""
    kept: int = 0
    """How many trials go on from that rung."""
    place: int = 0
    """How many are better there."""
    ranking: tuple[str, ...] = ()
    """The trials that are there, the best first."""
    missing: tuple[str, ...] = ()
    """The trials that may still come there."""

    @property
    def chosen(self) -> tuple[str, ...]:
        """The trials that are better and go on, as far as they are there."""
        return self.ranking[: min(self.place, self.kept)]


def epochs_of(train: Train) -> int | None:
    """The epochs of a job; None if its length is given in steps."""
    return None if train.steps is not None else train.epochs or DEFAULT_EPOCHS


def rungs_of(lengths: Sequence[int | None]) -> tuple[float, ...]:
    """The parts of the epochs at which trials are compared, each of at least one epoch.

    Args:
        lengths: the epochs of each trial, see `epochs_of`.
    """
    epochs = [length for length in lengths if length is not None]
    most = min(map(_log, [len(lengths), *epochs]))
    return tuple(float(ETA) ** -power for power in range(most, 0, -1))


def rung_epoch(num_epochs: float, part: float) -> int:
    """The epoch after which a trial is at a rung."""
    return max(1, math.ceil(num_epochs * part - 1e-9))


def compare(
    trials: Sequence[Contender], num_rungs: int, metric: Metric | None
) -> dict[str, Verdict]:
    """Find out what is certain of each trial.

    Of equal values the one of the earlier trial is the better one; no value is the worst.

    Args:
        trials: all of a sweep, in its order.
        num_rungs: the rungs of the sweep.
        metric: the headline metric; None before anything is measured.
    """
    verdicts = {trial.name: Verdict(trial.passed) for trial in trials}
    candidates, going, num_going = list(trials), list(trials), len(trials)
    for rung in range(num_rungs):
        kept = max(1, len(trials) // ETA ** (rung + 1))
        there = _ranked(going, rung, metric)
        num_missing = max(0, num_going - len(there))
        ranking = tuple(trial.name for trial in there)
        known = set(ranking)
        missing = tuple(trial.name for trial in candidates if trial.name not in known)
        for place, trial in enumerate(there):
            if trial.passed > rung or place + num_missing < kept:
                verdicts[trial.name] = Verdict(max(trial.passed, rung + 1))
            else:
                is_out = place >= kept
                verdicts[trial.name] = Verdict(rung, is_out, kept, place, ranking, missing)
        going = [trial for trial in going if verdicts[trial.name].passed > rung]
        candidates = [trial for trial in candidates if not verdicts[trial.name].is_out]
        num_going = max(kept, len(going))
    return verdicts


def _ranked(trials: Iterable[Contender], rung: int, metric: Metric | None) -> list[Contender]:
    """The trials that are at a rung, or come there no more, the best first."""
    there = [trial for trial in trials if len(trial.values) > rung or trial.has_ended]
    return sorted(there, key=lambda trial: order(_value(trial, rung), metric))


def _value(trial: Contender, rung: int) -> float | None:
    return trial.values[rung] if len(trial.values) > rung else None


def _log(number: int) -> int:
    """The whole part of the logarithm to the base eta."""
    return next(power for power in range(64) if ETA ** (power + 1) > number)
