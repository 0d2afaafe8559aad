"""Cron expressions and time zones, checked where they are typed and where they are stored."""

from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from distnet.protocol.errors import InvalidError
from distnet.spec.plural import counted

EXPECTED = (
    "expected five fields: minute hour day month weekday, such as '0 2 * * *' for two o'clock "
    "every night"
)


def require_cron(cron: str, tz: str) -> None:
    """Check a cron expression and a time zone.

    Raises:
        InvalidError: `bad_time_zone` or `bad_cron`.
    """
    zone, num_fields = time_zone(tz), len(cron.split())
    if num_fields != 5:  # cronsim accepts a sixth field for seconds
        found = counted(num_fields, "field")
        raise InvalidError(f"--cron {cron!r}: found {found}; {EXPECTED}", code="bad_cron")
    try:
        next(CronSim(cron, datetime(2026, 1, 1, tzinfo=zone)))
    except CronSimError as error:
        raise InvalidError(f"--cron {cron!r}: {error}; {EXPECTED}", code="bad_cron") from None
    except StopIteration:
        raise InvalidError(f"--cron {cron!r}: such a day never comes", code="bad_cron") from None


def time_zone(name: str) -> ZoneInfo:
    """Find a time zone by its name.

    Raises:
        InvalidError: `bad_time_zone`.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidError(
            f"--tz {name!r}: unknown time zone, expected a name such as Europe/Berlin or UTC",
            code="bad_time_zone",
        ) from None
