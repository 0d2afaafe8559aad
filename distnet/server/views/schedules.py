"""Schedules as users see them."""

from distnet.protocol.schedules import ScheduleResponse
from distnet.server.ledger.records import ScheduleRecord


def schedule_response(schedule: ScheduleRecord) -> ScheduleResponse:
    """A schedule, without its request."""
    return ScheduleResponse(
        name=schedule.name,
        owner=schedule.owner,
        cron=schedule.cron,
        at=schedule.at,
        tz=schedule.tz,
        overlap=schedule.overlap,
        missed=schedule.missed,
        is_paused=schedule.is_paused,
        next_at=schedule.next_at,
        last_at=schedule.last_at,
        last_job=schedule.last_job,
        num_runs=schedule.num_runs,
    )
