"""Read times such as `2026-05-01T22:00`, `22:00`, `+2h`."""

import os
from datetime import date, datetime, time, timedelta
from zoneinfo import available_timezones

from distnet.errors import DistnetError

FORMS = "a local time such as 2026-05-01T22:00 or 22:00, or +2h for two hours from now"


def future_time(text: str, *, now: float) -> float:
    """Read a future time, in Unix seconds; `22:00` is the next one.

    Raises:
        DistnetError: it has another form, or has passed.
    """
    if text.startswith("+"):
        return now + _span(text[1:], text, FORMS)
    moment = _moment(text, now)
    if moment is None:
        raise DistnetError(f"found the time {text!r}, expected {FORMS}")
    if moment <= now and _is_clock(text):
        tomorrow = datetime.fromtimestamp(moment) + timedelta(days=1)
        return tomorrow.astimezone().timestamp()
    if moment <= now:
        raise DistnetError(f"found the time {text!r}, which has passed; expected {FORMS}")
    return moment


def past_time(text: str, *, now: float) -> float:
    """Read a past time, in Unix seconds: `2h` ago, a day, a local time.

    Raises:
        DistnetError: it has another form.
    """
    moment = _moment(text, now)
    forms = "2h for the last two hours, a day such as 2026-05-01, or 2026-05-01T22:00"
    return moment if moment is not None else now - _span(text, text, forms)


def _span(amount: str, text: str, forms: str) -> float:
    # pydantic, which units import, takes 100 ms: most times are not spans.
    from distnet.spec.sections.units import seconds

    try:
        return float(str(seconds(amount)))
    except ValueError:
        raise DistnetError(f"found the time {text!r}, expected {forms}") from None


def _moment(text: str, now: float) -> float | None:
    try:
        if _is_clock(text):
            today: date = datetime.fromtimestamp(now).date()
            moment = datetime.combine(today, time.fromisoformat(text))
        else:
            moment = datetime.fromisoformat(text)
        return moment.astimezone().timestamp()  # a time without a zone is local
    except (ValueError, OverflowError):
        return None


def _is_clock(text: str) -> bool:
    return text[2:3] == ":"


def local_zone() -> str:
    """The name of this machine's time zone; `UTC` if it has none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    _, _, linked = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    for zone in (named, linked):
        if zone in available_timezones():
            return zone
    return "UTC"
