"""Compare the trials of sweeps at their rungs: they go on, end early, or wait for others.

The rule is in `spec/halving.py`. All of it follows from what attempts have reported, which the
ledger has before a trial is at its rung, so a server that was killed decides as it would have.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from distnet.protocol.metrics import AtRung
from distnet.protocol.states import JobState
from distnet.scheduler.format import format_names
from distnet.server.jobs.commands import ended
from distnet.server.ledger import jobs
from distnet.server.ledger.records import JobRecord
from distnet.server.state.change import SERVER, Change
from distnet.server.state.measured import measured_by
from distnet.server.state.mirror import Mirror
from distnet.spec.halving import Contender, Verdict, compare
from distnet.spec.plural import counted

MOST_NAMED = 3
PAUSED = (JobState.WAITING, JobState.HELD)

_Known = tuple[tuple[str, int, int, bool], ...]
"""Of each open trial of a sweep: its name, its rungs that are passed, those that it came to, and
whether it is paused: it reports a rung before it ends there, and only then is it decided on."""


@dataclass
class Halving:
    """Decides whenever something has changed; remembers what it has seen, which may be lost."""

    mirror: Mirror
    _version: int = -1
    _known: dict[str, _Known] = field(default_factory=dict)
    """By sweep, what was compared last."""

    def decide(self, now: float) -> None:
        """Let trials go on from their rungs, or end them; the mirror says why the others wait.

        Raises:
            UnavailableError: the ledger cannot be reached; the next call decides.
        """
        if self._version == self.mirror.version:
            return
        known = _open_trials(self.mirror)
        change, waits = Change(now), dict[str, str]()
        for sweep, trials in known.items():
            if trials != self._known.get(sweep):
                waits |= self._compare(sweep, change)
        self.mirror.commit(change)
        self.mirror.rung_waits = {
            name: waits.get(name) or self.mirror.rung_waits.get(name, "")
            for trials in known.values()
            for name, *_ in trials
        }
        self._known, self._version = known, self.mirror.version

    def _compare(self, sweep: str, change: Change) -> dict[str, str]:
        """Compare the trials of a sweep; returns why some of them wait."""
        with self.mirror.ledger.reading() as tx:
            found = jobs.sweep_jobs(tx, sweep)
        trials = [self.mirror.jobs.get(job.name, job) for job in found]
        metric, _ = measured_by(trials)
        num_rungs = max(len(job.rungs) for job in trials)
        verdicts = compare([_contender(job) for job in trials], num_rungs, metric)
        waits = {}
        for job in trials:
            if job.state in PAUSED and job.is_at_rung:
                verdict = verdicts[job.name]
                if verdict.is_out or verdict.passed > job.passed_rungs:
                    _decide(change, job, verdict, len(trials))
                else:
                    waits[job.name] = _wait_text(job, verdict, len(trials))
        return waits


def _open_trials(mirror: Mirror) -> dict[str, _Known]:
    """What is known of the open trials of all sweeps in which one is at a rung."""
    found: dict[str, list[JobRecord]] = {}
    for job in mirror.jobs.values():
        if job.rungs and job.array is not None:
            found.setdefault(job.array, []).append(job)
    return {
        sweep: tuple(
            (
                job.name,
                job.passed_rungs,
                len(job.progress.get("at_rungs", ())),
                job.state in PAUSED,
            )
            for job in trials
        )
        for sweep, trials in found.items()
        if any(job.is_at_rung for job in trials)
    }


def _contender(job: JobRecord) -> Contender:
    """A trial as the rule sees it; one that has finished before a rung is compared by its end."""
    values: list[float | None] = [one.value for one in _values(job)]
    if job.state is JobState.FINISHED:
        compared = job.progress.get("compared") or {}
        values += [compared.get("value")] * (len(job.rungs) - len(values))
    return Contender(job.name, tuple(values), job.state.is_terminal, job.passed_rungs)


def _values(job: JobRecord) -> list[AtRung]:
    return [AtRung.model_validate(one) for one in job.progress.get("at_rungs", ())]


def _decide(change: Change, job: JobRecord, verdict: Verdict, num_trials: int) -> None:
    where = _values(job)[job.passed_rungs].text
    if not verdict.is_out:
        text = f"{job.name} goes on from {where}"
        after = replace(job, passed_rungs=verdict.passed, reason=_kept_reason(job))
        change.job(after, "goes-on", SERVER, text, passed_rungs=verdict.passed)
        return
    better = _named(verdict.chosen)
    verb = "was" if len(verdict.chosen) == 1 else "were"
    reason = f"stopped early at {where}: {better} {verb} better, and {_go_on(verdict, num_trials)}"
    stopped = ended(job, JobState.STOPPED_EARLY, reason, change.now)
    change.job(stopped, "stopped-early", SERVER, f"{job.name} {reason}", place=verdict.place + 1)


def _kept_reason(job: JobRecord) -> str:
    """A held job stays held, whatever is decided."""
    return job.reason if job.state is JobState.HELD else ""


def _wait_text(job: JobRecord, verdict: Verdict, num_trials: int) -> str:
    where = _values(job)[job.passed_rungs].text
    verb = "is" if len(verdict.missing) == 1 else "are"
    missing = f"{_named(verdict.missing)} {verb} still to come"
    return f"paused at {where} to be compared: {_go_on(verdict, num_trials)}; {missing}"


def _go_on(verdict: Verdict, num_trials: int) -> str:
    verb = "goes" if verdict.kept == 1 else "go"
    return f"{verdict.kept:,} of {counted(num_trials, 'trial')} {verb} on"


def _named(names: Sequence[str]) -> str:
    return format_names(names, MOST_NAMED)
