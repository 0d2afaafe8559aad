"""Which trials go on: all of them, or with early stopping the better third at each rung.

Successive halving trains all trials for a small part of their epochs, keeps the better ones, trains
these for three times as long, and so on. Which ones are kept depends on what was measured at the
rungs alone, so a sweep that was killed decides as it would have.

Source: Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter
Optimization" (AISTATS 2016), algorithm 1. A budget is a part of the epochs; eta is 3, as in Li et
al., "A System for Massively Parallel Hyperparameter Tuning" (MLSys 2020), which is ASHA. Unlike
that, a rung waits for all of its trials: they train one after the other, so nothing is idle.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distnet.protocol.sweeps import order
from distnet.report.measured import compared_by
from distnet.report.run import Run, is_run, read_run
from distnet.report.summary import status
from distnet.spec.read import JobFile
from distnet.sweeps.record import SweepFolder, Trial

ETA = 3
"""A rung keeps one of this many trials, and the next one is this many times as far."""
WAITING = "waiting"
ENDED = ("finished", "failed")
"""The states of trials that are not run again."""


@dataclass(frozen=True)
class Standing:
    """How far a sweep is."""

    next: Trial | None
    """The trial to train now; None if all have ended."""
    until: float
    """To which part of its epochs."""
    stopped_early: frozenset[str]
    """The trials that are not trained further."""


def rungs_of(files: Sequence[JobFile]) -> tuple[float, ...]:
    """The parts of the epochs at which trials are compared, each of at least one epoch."""
    epochs = [file.job.train.epochs or 10 for file in files if file.job.train.steps is None]
    most = min(map(_log, [len(files), *epochs]))
    return tuple(float(ETA) ** -power for power in range(most, 0, -1))


def _log(number: int) -> int:
    """The whole part of the logarithm to the base eta."""
    return next(power for power in range(64) if ETA ** (power + 1) > number)


def rung_epoch(num_epochs: float, part: float) -> int:
    """The epoch after which a trial is at a rung."""
    return max(1, math.ceil(num_epochs * part - 1e-9))


def read_trials(sweep: SweepFolder) -> dict[str, Run | None]:
    """The runs of all trials, by name.

    Raises:
        RunError: a file of a run is damaged.
    """
    return {trial.name: read_trial(sweep, trial) for trial in sweep.trials}


def read_trial(sweep: SweepFolder, trial: Trial) -> Run | None:
    """The run of a trial; None if it has not begun.

    Raises:
        RunError: a file of it is damaged.
    """
    folder = sweep.run(trial)
    return read_run(folder) if is_run(folder.path) else None


def state_of(run: Run | None) -> str:
    """The state of a trial; one that a second Ctrl-C ended was interrupted, and did not fail."""
    if run is None:
        return WAITING
    state, end = status(run), run.history.end
    is_failed = state == "failed" and end is not None and end.failure is not None
    return state if is_failed or state != "failed" else "interrupted"


def standing(sweep: SweepFolder, runs: Mapping[str, Run | None]) -> Standing:
    """Find out which trial is next, from what was measured so far."""
    left, out = list(sweep.trials), set[str]()
    for part in (*sweep.contents.rungs, 1.0):
        for trial in left:
            if not _is_there(sweep, trial, runs[trial.name], part):
                return Standing(trial, part, frozenset(out))
        if part < 1.0:
            kept = _kept(left, runs, part)
            out |= {trial.name for trial in left if trial not in kept}
            left = kept
    return Standing(None, 1.0, frozenset(out))


def _is_there(sweep: SweepFolder, trial: Trial, run: Run | None, part: float) -> bool:
    """Whether a trial was measured at a rung, or has ended."""
    if trial.name in sweep.contents.refused or state_of(run) in ENDED:
        return True
    return run is not None and part < 1.0 and _value_at(run, part) is not None


def _kept(left: Sequence[Trial], runs: Mapping[str, Run | None], part: float) -> list[Trial]:
    """The better third, in the order of the sweep; of equal ones, the first."""
    found = {trial.name: runs[trial.name] for trial in left}
    metric = next((run.headline for run in found.values() if run and run.headline), None)
    values = {name: _value_at(run, part) if run else None for name, run in found.items()}
    best = sorted(left, key=lambda trial: order(values[trial.name], metric))
    kept = best[: max(1, len(left) // ETA)]
    return [trial for trial in left if trial in kept]


def _value_at(run: Run, part: float) -> float | None:
    """The headline metric at a rung, or where the evaluation that follows it is; None before."""
    metric, planned = run.headline, run.plan.get("epochs")
    if metric is None or not isinstance(planned, int | float):
        return None
    for epoch in run.history.epochs:
        measured = epoch.evaluated.get(run.split, {})
        if epoch.epoch >= rung_epoch(planned, part) and metric.name in measured:
            return measured[metric.name]
    last = compared_by(run)
    return last.value if last and state_of(run) == "finished" else None
