"""When a recurring job is due, in words."""

from distnet.client.client import Json
from distnet.report.text import NONE, local_time


def rule(schedule: Json) -> str:
    """Write its times: `0 2 * * * Europe/Berlin`, or `once at 2026-05-01 22:00`."""
    if schedule["cron"] is None:
        return f"once at {local_time(schedule['at'])}"
    return f"{schedule['cron']} {schedule['tz']}"


def due(schedule: Json) -> str:
    """Write when it is due next, in local time, why it submits nothing, or a dash."""
    if (why := _why_not(schedule)) is not None:
        return why
    return NONE if schedule["next_at"] is None else local_time(schedule["next_at"])


def due_line(schedule: Json) -> str:
    """Write a recurring job in one line."""
    why = _why_not(schedule)
    if why is not None:
        next_time = why
    elif schedule["next_at"] is None:
        next_time = "never due again"
    else:
        next_time = f"next at {local_time(schedule['next_at'])} (local time)"
    return f"schedule {schedule['name']}: {rule(schedule)}, {next_time}"


def _why_not(schedule: Json) -> str | None:
    """Why it submits nothing, whatever the time; None if it does."""
    if schedule["is_blocked"]:
        return f"{schedule['owner']} is blocked"
    return "paused" if schedule["is_paused"] else None
