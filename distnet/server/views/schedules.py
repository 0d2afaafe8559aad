"""Schedules as users see them."""

from collections.abc import Collection

from distnet.protocol.schedules import ScheduleResponse
from distnet.server.ledger.records import ScheduleRecord


def schedule_response(schedule: ScheduleRecord, blocked: Collection[str]) -> ScheduleResponse:
    """A schedule, without its request.

    Args:
        schedule: as the ledger has it.
        blocked: the names of users that are blocked.
    """
    return ScheduleResponse(
        name=schedule.name,
        owner=schedule.owner,
        cron=schedule.cron,
        at=schedule.at,
        tz=schedule.tz,
        overlap=schedule.overlap,
        missed=schedule.missed,
        is_paused=schedule.is_paused,
        is_blocked=schedule.owner in blocked,
        next_at=schedule.next_at,
        last_at=schedule.last_at,
        last_job=schedule.last_job,
        num_runs=schedule.num_runs,
    )
