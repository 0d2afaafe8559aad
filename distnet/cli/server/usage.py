"""`distnet usage`."""

import re
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server, Team
from distnet.cli.output import print_json, say
from distnet.cli.server.usage_tables import show_job, show_usage
from distnet.client.times import past_time
from distnet.errors import DistnetError
from distnet.spec.plural import counted

MONTH = re.compile(r"(\d{4})-(\d{2})")
KEYS = ("user", "team", "month", "job")


Job = Annotated[str | None, typer.Argument(metavar="JOB", help="Show the efficiency of this job.")]
By = Annotated[
    list[str] | None,
    typer.Option(
        metavar="user|team|month|job", help="What to sum by; may be repeated. Default: user."
    ),
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="TIME",
        help="2026-11, 2026-11-03 or 7d. Default: this month; by month, twelve months.",
    ),
]
Until = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="2026-11 (to its end), or a time. Default: now."),
]
User = Annotated[str | None, typer.Option(metavar="USER", help="Only jobs of this user.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="Show at most this many rows.")]


def usage(
    job: Job = None,
    by: By = None,
    since: Since = None,
    until: Until = None,
    user: User = None,
    team: Team = None,
    limit: Limit = 100,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show the CPU and GPU hours that jobs had, and how well a job used them.

    An hour counts for every CPU or GPU that a job was given, used or not. You see your own jobs; an
    admin sees those of all users. Months are in UTC.
    """
    client = connect(server, context)
    if job is not None:
        details = client.details(job)
        if as_json:
            print_json({"job": job, "state": details["job"]["state"], **details["use"]})
        else:
            show_job(details)
        return
    now = time.time()
    keys = by or ["user"]
    _require_keys(keys)
    found = client.usage(
        by=keys,
        since=_time(since, now, is_end=False) if since else None,
        until=_time(until, now, is_end=True) if until else None,
        user=user,
        team=team,
        limit=limit,
    )
    if as_json:
        print_json(found)
        return
    show_usage(found, keys)
    if found["num_left_out"]:
        say(f"{counted(found['num_left_out'], 'more row')}; show them with a larger --limit")


def _require_keys(keys: list[str]) -> None:
    for key in keys:
        if key not in KEYS:
            raise DistnetError(f"--by: found {key!r}, expected user, team, month or job")


def _time(text: str, now: float, *, is_end: bool) -> float:
    """Read a month in UTC, its start or its end; or any past time."""
    match = MONTH.fullmatch(text)
    if match is None:
        return past_time(text, now=now)
    months = int(match[1]) * 12 + int(match[2]) - 1 + is_end
    if not 1 <= int(match[2]) <= 12 or not 1970 <= months // 12 <= 9999:
        raise DistnetError(f"found the month {text!r}, expected one such as 2026-11")
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC).timestamp()
