"""When schedules fall due: cron in a time zone, times that were missed, jobs that still run.

cronsim (of healthchecks.io) computes the times as Debian's cron does: a daily job runs once on the
day that clocks change, neither twice nor never.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from distnet.protocol.errors import InvalidError
from distnet.server.ledger.records import Missed, ScheduleRecord

LATE_S = 60.0
"""A time counts as missed when the server comes so much later."""
MOST_MISSED = 100
"""No more are made up for at once, whatever the policy."""

EXPECTED = (
    "expected five fields: minute hour day month weekday, such as '0 2 * * *' for two o'clock each "
    "night"
)


def require_cron(cron: str, tz: str) -> None:
    """Make sure that a schedule can be computed.

    Raises:
        InvalidError: `bad_time_zone` or `bad_cron`.
    """
    zone, num_fields = _zone(tz), len(cron.split())
    if num_fields != 5:  # cronsim takes a sixth for seconds
        found = "1 field" if num_fields == 1 else f"{num_fields} fields"
        raise InvalidError(f"--cron {cron!r}: found {found}; {EXPECTED}", code="bad_cron")
    try:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=zone)))
    except CronSimError as error:
        raise InvalidError(f"--cron {cron!r}: {error}; {EXPECTED}", code="bad_cron") from None
    except StopIteration:
        raise InvalidError(f"--cron {cron!r}: such a day never comes", code="bad_cron") from None


def next_time(schedule: ScheduleRecord, after: float) -> float | None:
    """The first time after `after` at which a schedule falls due; None: never again."""
    if schedule.cron is None:
        return schedule.at if schedule.at is not None and schedule.num_runs == 0 else None
    return next(_times(schedule.cron, schedule.tz, after), None)


def due(schedule: ScheduleRecord, now: float) -> tuple[list[float], ScheduleRecord]:
    """The times for which a schedule submits a job now, and the schedule with its next time."""
    if schedule.is_paused or schedule.next_at is None:
        return [], schedule
    if schedule.next_at > now:
        return [], _brought_forward(schedule, schedule.next_at, now)
    times = _passed(schedule, schedule.next_at, now)
    on_time = [time for time in times if now - time <= LATE_S]
    missed = [time for time in times if now - time > LATE_S]
    if schedule.missed is Missed.SKIP:
        missed = []
    elif schedule.missed is Missed.ONE:
        missed = missed[-1:] if not on_time else []
    following = None if schedule.cron is None else next_time(schedule, now)
    return missed + on_time, replace(schedule, next_at=following)


def resumed(schedule: ScheduleRecord, now: float) -> ScheduleRecord:
    """A schedule that is no longer paused.

    What cron's fields named meanwhile was missed on purpose and is not made up for; there is a next
    time. The only time of `at` stands: if it has passed, it was missed, and `missed` decides.
    """
    return replace(schedule, is_paused=False, next_at=next_time(schedule, now))


def _brought_forward(schedule: ScheduleRecord, next_at: float, now: float) -> ScheduleRecord:
    """The schedule, due sooner if its time was computed while the clock was ahead."""
    if schedule.cron is None:
        return schedule
    sooner = _first_after(schedule.cron, schedule.tz, now // 60 * 60)
    return replace(schedule, next_at=sooner) if sooner and now < sooner < next_at else schedule


@lru_cache(maxsize=10_000)
def _first_after(cron: str, tz: str, minute: float) -> float | None:
    """Remembered, because every round asks, and fields of cron know nothing below a minute."""
    return next(_times(cron, tz, minute), None)


def _passed(schedule: ScheduleRecord, next_at: float, now: float) -> list[float]:
    """The newest times from `next_at` until now.

    They are looked for in ever longer stretches of the past: a year has half a million minutes.
    """
    if schedule.cron is None:
        return [next_at]
    stretch = MOST_MISSED * 60.0
    while True:
        start = max(next_at, now - stretch)
        times = list(takewhile(lambda time: time <= now, _times(schedule.cron, schedule.tz, start)))
        if start == next_at:
            times.insert(0, next_at)
        if start == next_at or len(times) >= MOST_MISSED:
            return times[-MOST_MISSED:]
        stretch *= 4


def _times(cron: str, tz: str, after: float) -> Iterator[float]:
    """All times after `after`.

    In the hour that comes twice cronsim goes by the hands of the clock, and from its second pass
    falls back into the first.
    """
    start = datetime.fromtimestamp(after, UTC).astimezone(_zone(tz))
    times = (time.timestamp() for time in CronSim(cron, start))
    return (time for time in times if time > after)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError(
            f"--tz {name!r}: no such time zone, expected a name such as Europe/Berlin or UTC",
            code="bad_time_zone",
        ) from None
