"""When schedules are due: cron in a time zone, times that were missed.

cronsim (of healthchecks.io) computes the times as Debian's cron does: a daily job runs exactly once
on the day on which the clocks change.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from itertools import takewhile

from cronsim import CronSim

from distnet.protocol.cron import time_zone
from distnet.server.ledger.records import Missed, ScheduleRecord

LATE_S = 60.0
"""A time counts as missed if the server is later than this."""
MAX_MISSED = 100
"""The most missed times for which jobs are submitted at once, whatever the policy."""


def next_time(schedule: ScheduleRecord, after: float) -> float | None:
    """The first time after `after` at which a schedule is due; None: never again."""
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

    Times of cron that passed during the pause are skipped. The one time of `at` stays: if it has
    passed, it was missed, and `missed` decides.
    """
    return replace(schedule, is_paused=False, next_at=next_time(schedule, now))


def _brought_forward(schedule: ScheduleRecord, next_at: float, now: float) -> ScheduleRecord:
    """The schedule with an earlier next time, if that was computed while the clock was ahead."""
    if schedule.cron is None:
        return schedule
    sooner = _first_after(schedule.cron, schedule.tz, now // 60 * 60)
    return replace(schedule, next_at=sooner) if sooner and now < sooner < next_at else schedule


@lru_cache(maxsize=10_000)
def _first_after(cron: str, tz: str, minute: float) -> float | None:
    """Cached: every iteration of the loop needs it, and it changes at most once a minute."""
    return next(_times(cron, tz, minute), None)


def _passed(schedule: ScheduleRecord, next_at: float, now: float) -> list[float]:
    """The newest times from `next_at` until now.

    The search goes back in ever longer stretches: a year has half a million minutes.
    """
    if schedule.cron is None:
        return [next_at]
    stretch = MAX_MISSED * 60.0
    while True:
        start = max(next_at, now - stretch)
        times = list(takewhile(lambda time: time <= now, _times(schedule.cron, schedule.tz, start)))
        if start == next_at:
            times.insert(0, next_at)
        if start == next_at or len(times) >= MAX_MISSED:
            return times[-MAX_MISSED:]
        stretch *= 4


def _times(cron: str, tz: str, after: float) -> Iterator[float]:
    """All times after `after`.

    In the hour that comes twice cronsim uses local time, and goes from the second hour back into
    the first.
    """
    start = datetime.fromtimestamp(after, UTC).astimezone(time_zone(tz))
    times = (time.timestamp() for time in CronSim(cron, start))
    return (time for time in times if time > after)
