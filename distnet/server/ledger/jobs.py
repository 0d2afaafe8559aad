"""Jobs in the ledger."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    Row,
    bindparam,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import IntegrityError

from distnet.protocol.errors import ConflictError, NotFoundError
from distnet.protocol.states import JobState
from distnet.scheduler.view import Shape
from distnet.server.ledger.records import Condition, Dependency, JobRecord
from distnet.server.ledger.rows import INSERTS, LARGEST, chunks, to_row, upsert
from distnet.server.ledger.tables import counters, jobs
from distnet.spec.selector import Selector

OPEN = [state for state in JobState if not state.is_terminal]
ENDED = {state for state in JobState if state.is_terminal}

# The statements of a submit are made once: that takes longer than running them.
LAST_NUMBER = select(func.max(jobs.c.number))
INSERT = insert(jobs)
SAVE = update(jobs).where(jobs.c.number == bindparam("row"))
BY_NAME = select(jobs).where(jobs.c.name == bindparam("name"))
NAMES = select(jobs.c.name).where(jobs.c.name.in_(bindparam("some", expanding=True)))
OF_KEYS = (jobs.c.owner == bindparam("owner"), jobs.c.key.in_(bindparam("some", expanding=True)))
BY_KEY = select(jobs).where(*OF_KEYS)
KEYS = select(jobs.c.key).where(*OF_KEYS)


def insert_jobs(tx: Connection, records: Sequence[JobRecord]) -> list[JobRecord]:
    """Insert jobs; returns them with consecutive numbers.

    Raises:
        ConflictError: `name_taken`; or `key_taken`: the owner has used the key before.
    """
    # Jobs are never deleted, so the largest number is the last one assigned.
    last = tx.execute(LAST_NUMBER).scalar() or 0
    numbered = [replace(record, number=last + 1 + at) for at, record in enumerate(records)]
    if numbered:
        try:
            with _all_or_nothing(tx, len(numbered)):
                tx.execute(INSERT, [_row(record) for record in numbered])
        except IntegrityError:
            _refuse_taken(tx, records)
            raise
    return numbered


def save_jobs(tx: Connection, records: Sequence[JobRecord]) -> None:
    """Write all columns of jobs.

    Raises:
        NotFoundError: one of them was not inserted.
    """
    if not records:
        return
    rows = [_row(record) for record in records]
    for row in rows:
        row["row"] = row.pop("number")
    if tx.execute(SAVE, rows).rowcount != len(rows):
        raise NotFoundError("ledger: found no row of a job to save, expected one")


def read_job(tx: Connection, name: str) -> JobRecord | None:
    """Read the job with this name."""
    row = tx.execute(BY_NAME, {"name": name}).first()
    return _record(row) if row else None


def read_jobs(tx: Connection, names: Iterable[str]) -> list[JobRecord]:
    """Read the jobs with these names, as far as they exist."""
    return [
        _record(row)
        for some in chunks(names)
        for row in tx.execute(select(jobs).where(jobs.c.name.in_(some)))
    ]


def open_jobs(tx: Connection) -> list[JobRecord]:
    """Read the jobs that have not ended, in the order of submission."""
    found = tx.execute(select(jobs).where(jobs.c.state.in_(OPEN)).order_by(jobs.c.number))
    return [_record(row) for row in found]


def kept_jobs(
    tx: Connection, *, before: float, after: tuple[float, int], limit: int
) -> list[JobRecord]:
    """Read jobs of which nothing was removed, in the order in which they have ended.

    Args:
        tx: the transaction.
        before: only jobs that ended before this time.
        after: end and number of the last job of the page before.
        limit: the size of the page.
    """
    key = tuple_(jobs.c.ended_at, jobs.c.number)
    query = (
        select(jobs)
        .where(jobs.c.ended_at.is_not(None), jobs.c.removed_at.is_(None))
        .where(jobs.c.ended_at < before, key > tuple_(*map(literal, after)))
    )
    return [_record(row) for row in tx.execute(query.order_by(*key.clauses).limit(limit))]


def mark_removed(tx: Connection, number: int, at: float) -> None:
    """Record that the logs and events of an ended job were removed."""
    tx.execute(update(jobs).where(jobs.c.number == number).values(removed_at=at))


def find_keys(tx: Connection, owner: str, keys: Iterable[str]) -> dict[str, JobRecord]:
    """Find the jobs that an owner has submitted with some keys."""
    return {
        row.key: _record(row)
        for some in chunks(keys)
        for row in tx.execute(BY_KEY, {"owner": owner, "some": some})
    }


def list_jobs(
    tx: Connection,
    *,
    states: Collection[JobState] | None = None,
    owner: str | None = None,
    team: str | None = None,
    array: str | None = None,
    text: str | None = None,
    ended_since: float | None = None,
    before: int | tuple[float, int] | None = None,
    limit: int = 100,
) -> tuple[list[JobRecord], int]:
    """List one page of the jobs that match, newest first; and count all that match.

    Args:
        tx: the transaction.
        states: only jobs in one of these.
        owner: only jobs of this user.
        team: only jobs of this team.
        array: only jobs of this sweep.
        text: a part of a name or an owner; its case does not matter.
        ended_since: only jobs that have ended since then, in the order of their ends instead of
            their numbers.
        before: the last job of the page before: its number, or its end and its number.
        limit: the size of the page.
    """
    match: list[ColumnElement[bool]] = [
        column == value
        for column, value in ((jobs.c.owner, owner), (jobs.c.team, team), (jobs.c.array, array))
        if value is not None
    ]
    if states is not None and (ended_since is None or set(states) != ENDED):
        match.append(jobs.c.state.in_(sorted(states)))  # needless if all that have an end match
    if ended_since is not None:
        match.append(jobs.c.ended_at >= ended_since)
    if text:
        match.append(_contains(text))
    total = tx.execute(select(func.count()).select_from(jobs).where(*match)).scalar_one()
    keys = [jobs.c.number] if ended_since is None else [jobs.c.ended_at, jobs.c.number]
    query = select(jobs).where(*match)
    if before is not None:
        last = before if isinstance(before, tuple) else (min(before, LARGEST),)
        query = query.where(tuple_(*keys) < tuple_(*map(literal, last)))
    found = tx.execute(query.order_by(*(key.desc() for key in keys)).limit(limit))
    return [_record(row) for row in found], total


def states_of(tx: Connection, names: Iterable[str]) -> dict[str, JobState]:
    """Read the states of jobs, as far as they exist."""
    return {
        row.name: row.state
        for some in chunks(names)
        for row in tx.execute(select(jobs.c.name, jobs.c.state).where(jobs.c.name.in_(some)))
    }


def names_taken(tx: Connection, names: Iterable[str]) -> set[str]:
    """Find the names that jobs have already."""
    return {name for some in chunks(names) for name in tx.execute(NAMES, {"some": some}).scalars()}


def sweep_jobs(tx: Connection, name: str, limit: int | None = None) -> list[JobRecord]:
    """Read the jobs of a sweep, open or ended, in the order of submission."""
    found = select(jobs).where(jobs.c.array == name).order_by(jobs.c.number).limit(limit)
    return [_record(row) for row in tx.execute(found)]


def take_numbers(
    tx: Connection, base: str, count: int, is_used: Callable[[str], bool] = lambda name: False
) -> int:
    """Take `count` consecutive numbers N for names `base-N`; returns the first.

    They are never taken again, no job has one of these names, and none is used elsewhere.
    """
    counted = {"base": base, "next": 1 + count, "count": count}
    first: int = tx.execute(_count_up(tx.dialect.name), counted).scalar_one() - count
    while taken := _taken(tx, [f"{base}-{first + at}" for at in range(count)], is_used):
        first = 1 + max(int(name.removeprefix(f"{base}-")) for name in taken)
        upsert(tx, counters, [{"base": base, "next": first + count}])
    return first


def _taken(tx: Connection, names: Sequence[str], is_used: Callable[[str], bool]) -> set[str]:
    return names_taken(tx, names) | set(filter(is_used, names))


def _all_or_nothing(tx: Connection, num_rows: int) -> AbstractContextManager[object]:
    """If an insert fails, no row is inserted, and the transaction can still be used."""
    is_simple = num_rows == 1 and tx.dialect.name == "sqlite"  # one row is atomic there anyway
    return nullcontext() if is_simple else tx.begin_nested()


@cache
def _count_up(dialect: str) -> Executable:
    first = INSERTS[dialect](counters).values(base=bindparam("base"), next=bindparam("next"))
    more = {"next": counters.c.next + bindparam("count")}
    counted: Executable = first.on_conflict_do_update(index_elements=["base"], set_=more).returning(
        counters.c.next
    )
    return counted


def _refuse_taken(tx: Connection, records: Sequence[JobRecord]) -> None:
    taken = names_taken(tx, [record.name for record in records])
    keys = _keys_taken(tx, records)
    for record in records:
        if record.name in taken:
            raise ConflictError(
                f"{record.name}: a job already has this name, and names are never reused; give "
                "another name, or none to get one assigned",
                code="name_taken",
            )
        if (record.owner, record.key) in keys:
            raise ConflictError(
                f"{record.name}: {record.owner} has already submitted a job with the key "
                f"{record.key}; expected a new key for each job",
                code="key_taken",
            )
        taken.add(record.name)
        keys.add((record.owner, record.key))


def _keys_taken(tx: Connection, records: Sequence[JobRecord]) -> set[tuple[str, str]]:
    owned: dict[str, list[str]] = {}
    for record in records:
        owned.setdefault(record.owner, []).append(record.key)
    return {
        (owner, key)
        for owner, keys in owned.items()
        for some in chunks(keys)
        for key in tx.execute(KEYS, {"owner": owner, "some": some}).scalars()
    }


def _contains(text: str) -> ColumnElement[bool]:
    return or_(
        jobs.c.name.icontains(text, autoescape=True), jobs.c.owner.icontains(text, autoescape=True)
    )


def _row(record: JobRecord) -> dict[str, Any]:
    row = to_row(record)
    shape = row.pop("shape")
    row.update(fewest=shape.min_workers, most=shape.max_workers, cpus=shape.cpus, gpus=shape.gpus)
    row["selector"] = None if shape.selector is None else shape.selector._asdict()
    row["after"] = [[dependency.job, dependency.condition.value] for dependency in record.after]
    return row


def _record(row: Row[Any]) -> JobRecord:
    values = row._asdict()
    fewest, most, cpus, gpus = (values.pop(name) for name in ("fewest", "most", "cpus", "gpus"))
    shape = Shape(fewest, most, cpus, gpus, _selector(values.pop("selector")))
    after = tuple(Dependency(job, Condition(condition)) for job, condition in values.pop("after"))
    values["changes"] = values["changes"] or {}  # none in the rows of earlier versions
    values["rungs"] = tuple(values["rungs"] or ())
    return JobRecord(**values, shape=shape, after=after)


def _selector(value: Mapping[str, Any] | None) -> Selector | None:
    if value is None:
        return None
    labels = tuple((name, label) for name, label in value["labels"])
    return Selector(tuple(value["gpus"]), labels)
