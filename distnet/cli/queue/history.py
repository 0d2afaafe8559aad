"""`distnet history`."""

import time
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.options import Array, AsJson, Context, Owner, Server, Team
from distnet.cli.output import echo, one_line, print_json, say
from distnet.cli.queue.jobs_table import history_lines
from distnet.cli.table import print_lines, terminal_width
from distnet.client.client import Client, Json
from distnet.client.times import past_time

LONGEST_PAGE = 1000

Limit = Annotated[int, typer.Option(min=1, help="Show at most this many jobs.")]
Since = Annotated[
    str | None, typer.Option(metavar="TIME", help="Ended since then: 2h, 7d or 2026-05-01.")
]


def history(
    job: Annotated[
        str | None, typer.Argument(metavar="JOB", help="Show the events of this job.")
    ] = None,
    since: Since = None,
    owner: Owner = None,
    team: Team = None,
    array: Array = None,
    limit: Limit = 50,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs that have ended, newest first; or the events of one job."""
    client = connect(server, context)
    begin = past_time(since, now=time.time()) if since else None
    if job is not None:
        _show_events(client, job, begin or 0.0, as_json=as_json)
        return
    ended, num_total = _ended(
        client, {"owner": owner, "team": team, "array": array, "since": begin}, limit
    )
    if as_json:
        print_json(ended)
    elif ended:
        print_lines(history_lines(ended, width=terminal_width()))
    else:
        say("no such jobs have ended")
    if num_total > len(ended):
        say(f"{num_total:,} jobs in all; show more with --limit {num_total}")


def _ended(client: Client, filters: dict[str, Any], limit: int) -> tuple[list[Json], int]:
    """Read pages until there are `limit` jobs; returns them, and how many match in all."""
    found: list[Json] = []
    page: Json = {"next": None}
    while True:
        size = min(limit - len(found), LONGEST_PAGE)
        page = client.jobs(**filters, state="ended", limit=size, after=page["next"])
        found += page["jobs"]
        if page["next"] is None or len(found) >= limit:
            return found, page["num_total"]


def _show_events(client: Client, job: str, begin: float, *, as_json: bool) -> None:
    events, after = [], 0
    while page := client.events(job, after=after)["events"]:
        events += [event for event in page if event["time"] >= begin]
        after = page[-1]["number"]
    if as_json:
        print_json(events)
        return
    for event in events:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
        echo(f"{clock}  {event['actor']:<10} {one_line(event['text'])}")
