"""Accounting: the hours that jobs had, by user, team, month and job.

A sum reads all allocations of its time, and there is one for each month. So they are made without
the mirror's lock, and what is refused is refused before any.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection

from distnet.protocol.errors import ForbiddenError, InvalidError
from distnet.protocol.usage import By, UsageResponse, UsageRow
from distnet.server.ledger import allocations
from distnet.server.ledger.records import Role, User
from distnet.server.state.mirror import Mirror
from distnet.server.views.job_use import Live, uses_of
from distnet.server.views.turns import Turns

MAX_MONTHS = 120
MONTHS_BACK = 12
"""Of a sum by month, if no start is given."""


@dataclass(frozen=True)
class UsageFilter:
    """Which hours to sum, and how."""

    by: tuple[By, ...] = ("user",)
    since: float | None = None
    """Default: the start of this month, or by month, that of a year ago."""
    until: float | None = None
    """Default: now."""
    user: str | None = None
    team: str | None = None
    limit: int = 100


def usage(
    mirror: Mirror, turns: Turns, caller: User, wanted: UsageFilter, now: float
) -> UsageResponse:
    """Sum hours: of all users for an admin, else of the caller.

    Args:
        mirror: not locked by the caller.
        turns: of these requests: each keeps one of the ledger's few connections.
        caller: who wants to know.
        wanted: which hours to sum, and how.
        now: Unix time.

    Raises:
        ForbiddenError: `role`: the hours of another user.
        InvalidError: `bad_time`.
        UnavailableError: `busy`: too many requests for sums.
    """
    since, until = _span(wanted, now)
    filters: dict[str, Any] = {"now": now, "owner": _owner(caller, wanted), "team": wanted.team}
    keys = tuple(key for key in wanted.by if key != "month")
    parts = list(_parts(wanted, since, min(until, now)))
    with turns.take():
        live = Live.of(mirror)
        with mirror.ledger.reading() as tx:
            rows = [
                _row(found, month)
                for month, begin, end in parts
                for found in allocations.sum_hours(tx, since=begin, until=end, by=keys, **filters)
                if found.num_jobs
            ]
            [total] = allocations.sum_hours(tx, since=since, until=until, **filters)
            shown = rows[: wanted.limit]
            shown = _with_uses(live, tx, shown, now) if "job" in keys else shown
    return UsageResponse(
        since=since,
        until=until,
        rows=tuple(shown),
        total=_row(total, None),
        num_left_out=len(rows) - len(shown),
    )


def _with_uses(live: Live, tx: Connection, rows: Sequence[UsageRow], now: float) -> list[UsageRow]:
    uses = uses_of(live, tx, {row.job for row in rows if row.job is not None}, now)
    return [row.model_copy(update={"use": uses.get(row.job or "")}) for row in rows]


def _row(found: Any, month: str | None) -> UsageRow:
    values = found._asdict()
    if month is not None:
        values["month"] = month
    return UsageRow(**values)


def _owner(caller: User, wanted: UsageFilter) -> str | None:
    if caller.role is Role.ADMIN:
        return wanted.user
    if wanted.user not in (None, caller.name):
        raise ForbiddenError(
            f"--user: found {wanted.user}, expected {caller.name}: only an admin can see the usage "
            "of others",
            code="role",
        )
    return caller.name


def _span(wanted: UsageFilter, now: float) -> tuple[float, float]:
    until = now if wanted.until is None else wanted.until
    since = wanted.since
    if since is None:
        since = _start_of_month(until, months_back=MONTHS_BACK - 1 if "month" in wanted.by else 0)
    if since >= until:
        raise InvalidError(
            f"--since: found {_written(since)}, expected a time before {_written(until)}",
            code="bad_time",
        )
    return since, until


def _parts(
    wanted: UsageFilter, since: float, until: float
) -> Iterator[tuple[str | None, float, float]]:
    """The parts of the span that are summed by themselves: the whole, or each month of it."""
    if "month" not in wanted.by:
        yield None, since, until
        return
    begin, num_months = since, 0
    while begin < until:
        num_months += 1
        if num_months > MAX_MONTHS:
            raise InvalidError(
                f"--since: found more than {MAX_MONTHS} months, expected at most these",
                code="bad_time",
            )
        end = min(_start_of_month(begin, months_back=-1), until)
        yield datetime.fromtimestamp(begin, UTC).strftime("%Y-%m"), begin, end
        begin = end


def _start_of_month(time: float, *, months_back: int) -> float:
    """The start of the month of a time, in UTC, or of an earlier or later one."""
    moment = datetime.fromtimestamp(time, UTC)
    months = moment.year * 12 + moment.month - 1 - months_back
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()


def _written(time: float) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
