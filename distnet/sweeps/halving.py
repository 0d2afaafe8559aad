"""Which trial of a sweep here trains next, and to which rung; see `spec/halving.py` for the rule.

Trials train one after the other, so each rung is finished before the next one begins. All of it is
computed from what was measured, so a sweep that was killed decides as it would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from distnet.report.measured import compared_by, measured_at
from distnet.report.run import Run, is_run, read_run
from distnet.report.summary import status
from distnet.spec.halving import Contender, compare
from distnet.sweeps.record import SweepFolder, Trial

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
    rungs = sweep.contents.rungs
    trials = [_contender(sweep, trial, runs[trial.name]) for trial in sweep.trials]
    metric = next((run.headline for run in runs.values() if run and run.headline), None)
    verdicts = compare(trials, len(rungs), metric)
    out = frozenset(name for name, verdict in verdicts.items() if verdict.is_out)
    passed = {  # of the trials that are neither at a rung nor at their end
        trial: verdicts[trial.name].passed
        for trial, known in zip(sweep.trials, trials, strict=True)
        if not known.has_ended and len(known.values) <= verdicts[trial.name].passed
    }
    first = min(passed, key=lambda trial: passed[trial], default=None)
    until = 1.0 if first is None else (*rungs, 1.0)[passed[first]]
    return Standing(first, until, out)


def _contender(sweep: SweepFolder, trial: Trial, run: Run | None) -> Contender:
    """A trial as the rule sees it; one that ends before a rung is compared by its end."""
    has_ended = trial.name in sweep.contents.refused or state_of(run) in ENDED
    if run is None:
        return Contender(trial.name, has_ended=has_ended)
    rungs = sweep.contents.rungs
    values: list[float | None] = [value for _, value in measured_at(run, rungs)]
    last = compared_by(run)
    if last is not None and state_of(run) == "finished":
        values += [last.value] * (len(rungs) - len(values))
    return Contender(trial.name, tuple(values), has_ended)
