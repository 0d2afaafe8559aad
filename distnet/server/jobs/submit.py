"""Submit jobs: all jobs of a submit are accepted together, or none.

    read_drafts  reads the job files, expands sweeps; takes a while, so it runs without the lock
    submit       in one transaction: leaves out known keys, checks admission and dependencies,
                 assigns names, commits

The first step is in `draft.py`, the checks are in `admission.py` and `dependencies.py`.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os.path import lexists
from pathlib import Path

from sqlalchemy import Connection

from distnet.protocol.errors import ConflictError, InvalidError
from distnet.protocol.states import JobState
from distnet.server.jobs.admission import (
    require_fits,
    require_grace,
    require_open_jobs,
    require_preemptible,
    require_priority,
    require_reservation,
)
from distnet.server.jobs.datasets import require_datasets
from distnet.server.jobs.dependencies import require_dependencies, require_no_cycle
from distnet.server.jobs.draft import Draft
from distnet.server.ledger import jobs, texts
from distnet.server.ledger.records import JobRecord, User
from distnet.server.settings import Allowance
from distnet.server.state.change import Change
from distnet.server.state.mirror import Mirror

LONGEST_NAME = 63
MAX_KNOWN_SPECS = 10_000
"""Job files that are known to be in the ledger, so that they are not written again."""


def submit(
    mirror: Mirror,
    user: User,
    drafts: Sequence[Draft],
    *,
    now: float,
    allowance: Allowance,
    runs: Path,
) -> tuple[list[JobRecord], bool]:
    """Queue drafts; those that were submitted before, with the same key, stay as they are.

    Args:
        mirror: locked by the caller.
        user: the owner of the jobs.
        drafts: in the order in which they are numbered.
        now: Unix time.
        allowance: limits for the jobs of one user.
        runs: the folder of run folders.

    Returns:
        The jobs, and whether any of them is new.

    Raises:
        InvalidError: `never_fits`, `unknown_dependency`, ...; no job is queued.
        ConflictError: `name_taken`.
        TooManyError: `too_many_jobs`.
        ForbiddenError: `priority_too_high`, `not_preemptible`, `grace_too_long`.
    """
    change = Change(now)
    keys = [draft.record.key for draft in drafts]
    with mirror.writing() as tx:
        found = jobs.find_keys(tx, user.name, keys)
        known = {key: mirror.jobs.get(job.name, job) for key, job in found.items()}
        new = [draft for draft in drafts if draft.record.key not in known]
        if not new:
            return [known[key] for key in keys], False
        _require_admission(mirror, user, new, allowance, now)
        records = _named(tx, new, runs)
        outcomes = _check_dependencies(tx, records)
        specs = _put_texts(tx, new, known=mirror.known_specs)
        change.new_jobs += records
        for job in records:
            change.event("submitted", user.name, f"{job.name} submitted", job.name)
        queued = mirror.write(tx, change)
    _remember_specs(mirror, specs)
    mirror.outcomes |= outcomes
    mirror.apply(change, queued)
    known |= {job.key: job for job in queued}
    return [known[key] for key in keys], True


def check(mirror: Mirror, drafts: Sequence[Draft]) -> None:
    """Check drafts that are submitted later, as far as that is possible now.

    Raises:
        InvalidError: one is invalid.
    """
    for one in drafts:
        require_fits(mirror, one.record.shape, one.record.team)
        require_datasets(mirror, [one.job.dataset])


def _require_admission(
    mirror: Mirror, user: User, new: Sequence[Draft], allowance: Allowance, now: float
) -> None:
    records = [draft.record for draft in new]
    # A schedule's job waits until the cluster has such nodes again.
    for shape, team in {(job.shape, job.team): None for job in records if job.schedule is None}:
        require_fits(mirror, shape, team)
    require_datasets(mirror, (draft.job.dataset for draft in new))
    for job in records:
        if job.reservation is not None and job.schedule is None:
            require_reservation(mirror, job, job.reservation, now)
    require_open_jobs(mirror, user, len(new), allowance.open_jobs)
    require_priority(user, max(job.priority for job in records), allowance.priority)
    require_preemptible(user, records, allowance.not_preemptible_s)
    require_grace(user, records, allowance.grace_s)


def _named(tx: Connection, new: Sequence[Draft], runs: Path) -> list[JobRecord]:
    """Name the jobs that have no name BASE-1, BASE-2, ..., after their sweep or their job file.

    Folders in `runs` that are not of this server's jobs, as of `distnet run`, keep their names.
    """

    def is_used(name: str) -> bool:
        return lexists(f"{runs}/{name}")

    sweeps = _sweeps(tx, new)
    bases = [sweeps.get(draft.request, draft.job.name) for draft in new]
    counts = Counter(base for draft, base in zip(new, bases, strict=True) if not draft.record.name)
    next_number = {
        base: jobs.take_numbers(tx, base, count, is_used) for base, count in counts.items()
    }
    named = []
    for draft, base in zip(new, bases, strict=True):
        name = draft.record.name
        if not name:
            name = f"{base}-{next_number[base]}"
            next_number[base] += 1
        if len(name) > LONGEST_NAME:
            raise InvalidError(
                f"name: found {name}, expected at most {LONGEST_NAME} characters; give a shorter "
                "--name",
                code="bad_name",
            )
        named.append(replace(draft.record, name=name, array=sweeps.get(draft.request)))
    return named


def _sweeps(tx: Connection, new: Sequence[Draft]) -> dict[str, str]:
    """Name the sweeps, by the key of their request: as the user says, else JOB-sweep-N.

    Raises:
        ConflictError: `name_taken`: another sweep has this name.
    """
    names: dict[str, str] = {}
    for draft in new:
        if draft.record.array is None or draft.request in names:
            continue
        name = draft.record.array
        if not name:
            base = f"{draft.job.name}-sweep"
            name = f"{base}-{jobs.take_numbers(tx, base, 1)}"
        if name in names.values() or jobs.sweep_jobs(tx, name, limit=1):
            raise ConflictError(
                f"{name}: a sweep already has this name; give another name, or none to get one "
                "assigned",
                code="name_taken",
            )
        names[draft.request] = name
    return names


def _check_dependencies(tx: Connection, records: Sequence[JobRecord]) -> dict[str, JobState]:
    """Check `--after` and `--start-from`; returns the final states of jobs that have ended."""
    names = {dependency.job for job in records for dependency in job.after}
    states = jobs.states_of(tx, sorted(names)) if names else {}
    require_dependencies(records, states)
    require_no_cycle(records)
    return {name: state for name, state in states.items() if state.is_terminal}


def _put_texts(tx: Connection, new: Sequence[Draft], *, known: set[str]) -> Mapping[str, str]:
    """Write the job files that the ledger may not have; returns them by their sha256.

    Raises:
        InvalidError: `unknown_code`: an archive with a job's own files was not uploaded.
    """
    for sha256 in {draft.record.code for draft in new if draft.record.code is not None}:
        if not texts.has_code(tx, sha256):
            raise InvalidError(
                f"code: there is no archive {sha256}; upload it first, then submit again",
                code="unknown_code",
            )
    specs = {draft.record.spec: draft.job.spec for draft in new if draft.record.spec not in known}
    texts.put_texts(tx, specs.values())
    return specs


def _remember_specs(mirror: Mirror, specs: Mapping[str, str]) -> None:
    if len(mirror.known_specs) > MAX_KNOWN_SPECS:
        mirror.known_specs.clear()
    mirror.known_specs |= specs.keys()
