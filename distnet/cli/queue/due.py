"""When a recurring job is due, in words."""

from distnet.client.client import Json
from distnet.report.text import NONE, local_time


def rule(schedule: Json) -> str:
    """Write its times: `0 2 * * * Europe/Berlin`, or `once at 2026-05-01 22:00`."""
    if schedule["cron"] is None:
        return f"once at {local_time(schedule['at'])}"
    return f"{schedule['cron']} {schedule['tz']}"


def due(schedule: Json) -> str:
    """Write when it is due next, in local time, `paused`, or a dash."""
    if schedule["is_paused"]:
        return "paused"
    return NONE if schedule["next_at"] is None else local_time(schedule["next_at"])


def due_line(schedule: Json) -> str:
    """Write a recurring job in one line."""
    if schedule["is_paused"]:
        next_time = "paused"
    elif schedule["next_at"] is None:
        next_time = "never due again"
    else:
        next_time = f"next at {local_time(schedule['next_at'])} (local time)"
    return f"schedule {schedule['name']}: {rule(schedule)}, {next_time}"
