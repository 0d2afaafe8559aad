"""Looking at a server's jobs: ps, why, history."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.cli.queue.connect import (
    AsJson,
    Context,
    JobName,
    Server,
    connect,
    one_line,
    print_json,
    say,
)
from distnet.cli.table import terminal_width

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client

WATCH_EVERY_S = 2.0
CLEAR = "\x1b[H\x1b[2J"  # the cursor home, the screen empty
PAGE = 50
LONGEST_PAGE = 1000

Limit = Annotated[int, typer.Option(min=1, max=LONGEST_PAGE, help="The most jobs to show.")]
Owner = Annotated[str | None, typer.Option(metavar="USER", help="Only jobs of this user.")]
Team = Annotated[str | None, typer.Option(metavar="TEAM", help="Only jobs of this team.")]
Array = Annotated[str | None, typer.Option(metavar="NAME", help="Only jobs of this sweep.")]
After = Annotated[
    str | None, typer.Option(metavar="CURSOR", help="The next page, as the one before says.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet ps --watch")(ps)
    app.command(epilog="Example: distnet why digits-7")(why)
    app.command(epilog="Example: distnet history --since 2d")(history)


def ps(
    all_: Annotated[bool, typer.Option("--all", help="Also jobs that have ended.")] = False,
    owner: Owner = None,
    team: Team = None,
    array: Array = None,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every 2 s.")] = False,
    limit: Limit = PAGE,
    after: After = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs of a server in the order of its schedule, and what each waits for."""
    client = connect(server, context)
    query = {"owner": owner, "team": team, "array": array, "limit": limit, "after": after}
    query["state"] = "all" if all_ else None
    if watch:
        _watch(client, query, as_json)
        return
    page = client.jobs(**query)
    if as_json:
        print_json(page)
        return
    _show(page)
    if page["next"]:
        say(f"{page['num_total']:,} jobs in all; next page: --after {page['next']}")


def why(
    job: JobName, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Say what a job waits for, who holds it, when it should start, what would start it now."""
    answer = connect(server, context).why(job)
    if as_json:
        print_json(answer)
        return
    for name, text in _reasons(answer, time.time()):
        typer.echo(f"{name:<12} {one_line(text)}" if name else one_line(text))


def history(
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="The events of this job instead.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="TIME", help="As 2h, 7d, 2026-05-01: ended since then.")
    ] = None,
    owner: Owner = None,
    team: Team = None,
    array: Array = None,
    limit: Limit = PAGE,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """List the jobs that have ended, the newest first; or all that happened to one job."""
    from distnet.client.times import past_time

    client = connect(server, context)
    begin = past_time(since, now=time.time()) if since else 0.0
    if job is not None:
        _show_events(client, job, begin, as_json)
        return
    ended = _ended(client, {"owner": owner, "team": team, "array": array}, begin, limit)
    if as_json:
        print_json(ended)
    elif ended:
        from distnet.cli.queue.jobs_table import history_lines

        typer.echo("\n".join(history_lines(ended, width=terminal_width())))
    else:
        say("no such jobs have ended")


def _show(page: "Answer") -> None:
    from distnet.cli.queue.jobs_table import queue_lines

    if page["jobs"]:
        typer.echo("\n".join(queue_lines(page["jobs"], width=terminal_width())))
    else:
        say("no such jobs; submit one with: distnet submit JOB")


def _watch(client: "Client", query: dict[str, Any], as_json: bool) -> None:
    if as_json:
        raise typer.BadParameter("--watch shows a table; leave --json away")
    client = client.patient()
    try:
        while True:
            page = client.jobs(**query)
            if sys.stdout.isatty():
                sys.stdout.write(CLEAR)
            typer.echo(time.strftime(f"%H:%M:%S  {client.target.server}"))
            _show(page)
            time.sleep(WATCH_EVERY_S)
    except KeyboardInterrupt:
        return  # which is how one stops looking


def _reasons(answer: "Answer", now: float) -> list[tuple[str, str]]:
    from distnet.report.text import local_time
    from distnet.scheduler.format import format_duration

    at, error_s = answer["starts_at"], answer["error_s"]
    lines = [("", _state(answer))]
    if answer["ahead"]:
        lines.append(("behind", ", ".join(answer["ahead"])))
    if answer["holders"]:
        lines.append(("held by", ", ".join(answer["holders"])))
    if at is not None:
        off = f", give or take {format_duration(error_s)}" if error_s is not None else ""
        starts = f"in about {format_duration(max(0.0, at - now))}, {local_time(at)}{off}"
        lines.append(("starts", starts))
    if answer["would_start"]:
        lines.append(("now, if", answer["would_start"]))
    return lines


def _state(answer: "Answer") -> str:
    if answer["state"] == "finished":
        return f"{answer['job']} has finished"
    place = "" if answer["position"] is None else f", number {answer['position']:,} in the queue"
    reason = f": {answer['reason']}" if answer["reason"] else ""
    return f"{answer['job']} is {answer['state']}{place}{reason}"


def _ended(client: "Client", filters: dict[str, Any], begin: float, limit: int) -> "list[Answer]":
    """Read pages of ended jobs until there are enough that ended since `begin`."""
    found: list[Answer] = []
    after = None
    while len(found) < limit:
        size = limit if not begin else LONGEST_PAGE
        page = client.jobs(**filters, state="ended", limit=size, after=after)
        found += [job for job in page["jobs"] if (job["ended_at"] or 0.0) >= begin]
        after = page["next"]
        if after is None:
            break
    return found[:limit]


def _show_events(client: "Client", job: str, begin: float, as_json: bool) -> None:
    events, after = [], 0
    while page := client.events(job, after=after)["events"]:
        events += [event for event in page if event["time"] >= begin]
        after = page[-1]["number"]
    if as_json:
        print_json(events)
        return
    for event in events:
        clock = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event["time"]))
        typer.echo(f"{clock}  {event['actor']:<10} {one_line(event['text'])}")
