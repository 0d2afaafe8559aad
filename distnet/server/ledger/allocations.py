"""What attempts had of the cluster, and when: the source of all accounting.

A row is a number of workers that an attempt had from one time to another; the last one of a live
attempt has no end. Rows are written with the change of the attempt, in the same transaction, and
never deleted, so hours are exact however often a job was resized, and however old it is.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    update,
)

from distnet.server.ledger.records import AllocationRecord
from distnet.server.ledger.rows import chunks, from_row, to_row, upsert
from distnet.server.ledger.tables import allocations, jobs

OPEN = allocations.c.ended_at.is_(None)
CLOSE = (
    update(allocations)
    .where(
        allocations.c.job == bindparam("row_job"),
        allocations.c.attempt == bindparam("row_attempt"),
        OPEN,
    )
    .values(ended_at=bindparam("at"))
)
KEYS = {"user": jobs.c.owner, "team": jobs.c.team, "job": jobs.c.name}
"""What hours can be summed by."""


def change_allocations(tx: Connection, changed: Sequence[AllocationRecord]) -> None:
    """End the newest allocations of attempts, and begin these; those without workers only end."""
    if not changed:
        return
    ends = [{"row_job": new.job, "row_attempt": new.attempt, "at": new.began_at} for new in changed]
    tx.execute(CLOSE, ends)
    upsert(tx, allocations, [to_row(new) for new in changed if new.workers])


def move_open(tx: Connection, by_s: float, now: float) -> None:
    """Move the starts of live allocations along with the clock, which was set."""
    moved = allocations.c.began_at + literal(by_s, Double)
    tx.execute(update(allocations).where(OPEN).values(began_at=_least(moved, now)))


def open_workers(tx: Connection) -> dict[tuple[str, int], int]:
    """Read the workers of all live attempts, by job and number of the attempt."""
    query = select(allocations.c.job, allocations.c.attempt, allocations.c.workers).where(OPEN)
    return {(row.job, row.attempt): row.workers for row in tx.execute(query)}


def allocations_of(tx: Connection, names: Iterable[str]) -> list[AllocationRecord]:
    """Read all allocations of jobs, in the order of their starts."""
    found = [
        from_row(AllocationRecord, row)
        for some in chunks(names)
        for row in tx.execute(select(allocations).where(allocations.c.job.in_(some)))
    ]
    return sorted(found, key=lambda one: one.began_at)


def sum_hours(
    tx: Connection,
    *,
    since: float,
    until: float,
    now: float,
    by: Collection[str] = (),
    owner: str | None = None,
    team: str | None = None,
) -> Sequence[Any]:
    """Sum what jobs had between two times.

    Args:
        tx: the transaction.
        since: Unix time.
        until: Unix time.
        now: until when live attempts have had their workers.
        by: some of `KEYS`; none makes one sum.
        owner: only jobs of this user.
        team: only jobs of this team.

    Returns:
        Rows with the keys, `num_jobs`, `cpu_s` and `gpu_s`; the largest first.
    """
    end = func.coalesce(allocations.c.ended_at, literal(now, Double))
    seconds = _least(end, until) - _greatest(allocations.c.began_at, since)
    worker_s = allocations.c.workers * seconds
    cpu_s, gpu_s = func.sum(worker_s * jobs.c.cpus), func.sum(worker_s * jobs.c.gpus)
    keys = [KEYS[key].label(key) for key in by]
    query = (
        select(
            *keys,
            func.count(jobs.c.number.distinct()).label("num_jobs"),
            func.coalesce(cpu_s, 0.0).label("cpu_s"),
            func.coalesce(gpu_s, 0.0).label("gpu_s"),
        )
        .join(jobs, jobs.c.name == allocations.c.job)
        .where(allocations.c.began_at < until, or_(OPEN, allocations.c.ended_at > since))
        .where(end > allocations.c.began_at, end > since)  # of live ones, the end is `now`
    )
    for column, value in ((jobs.c.owner, owner), (jobs.c.team, team)):
        if value is not None:
            query = query.where(column == value)
    query = query.group_by(*keys) if keys else query
    return tx.execute(query.order_by(gpu_s.desc(), cpu_s.desc(), *keys)).all()


def _least(value: ColumnElement[float], most: float) -> ColumnElement[float]:
    return case((value < most, value), else_=literal(most, Double))


def _greatest(value: ColumnElement[float], least: float) -> ColumnElement[float]:
    return case((value > least, value), else_=literal(least, Double))
