"""`distnet submit` and `distnet schedule`: jobs for a server, now or by the clock."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.cli.queue.connect import (
    AsJson,
    Context,
    Server,
    connect,
    print_json,
    say,
    waiting,
)
from distnet.cli.train.run import Sets, Workers

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client
    from distnet.client.submission import Submission

SHOWN = 10

JobPath = Annotated[Path, typer.Argument(metavar="JOB", help="The job file.")]
Priority = Annotated[
    int | None, typer.Option(min=-1000, max=1000, help="Instead of queue.priority.")
]
Name = Annotated[str | None, typer.Option(help="The job's name; default: JOB-N.")]
Team = Annotated[str | None, typer.Option(help="Whose quota it counts against.")]
At = Annotated[
    str | None, typer.Option(metavar="TIME", help="As 22:00, 2026-05-01T22:00 (local) or +2h.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet submit jobs/digits.yaml --workers 4 --follow")(submit)
    app.command(
        epilog='Example: distnet schedule jobs/digits.yaml --cron "0 2 * * *" --tz Europe/Berlin'
    )(schedule)


def submit(
    job: JobPath,
    workers: Workers = None,
    priority: Priority = None,
    name: Name = None,
    team: Team = None,
    after: Annotated[
        list[str], typer.Option(metavar="JOB[:ok|any|failed]", help="Start when it has ended so.")
    ] = [],  # noqa: B006 - typer copies it
    start_from: Annotated[
        str | None, typer.Option(metavar="JOB", help="Begin with the newest checkpoint of it.")
    ] = None,
    sweep: Annotated[
        list[str], typer.Option(metavar="KEY=1..10|a,b", help="A job for each combination.")
    ] = [],  # noqa: B006
    at: At = None,
    hold: Annotated[bool, typer.Option("--hold", help="Wait until it is released.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then follow its log.")] = False,
    sets: Sets = [],  # noqa: B006
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Queue a job on a server, which starts it when there is room for all its workers.

    With --follow the exit code is that of the job, as of distnet wait.
    """
    if follow and (sweep or as_json):
        raise typer.BadParameter("--follow shows the log of one job; leave --sweep, --json away")
    client = connect(server, context)
    options: dict[str, Any] = {"workers": workers, "priority": priority, "name": name, "team": team}
    options |= {"at": _time(at), "hold": hold or None}
    submission = _prepare(
        job, sets=sets, after=after, start_from=start_from, sweep=sweep, **options
    )
    with waiting(f"submitting to {client.target.server}"):
        jobs = submission.send(client)
    if as_json:
        print_json({"jobs": jobs})
        return
    _show(client, jobs)
    if follow:
        raise typer.Exit(_follow(client, jobs[0]["name"]))


def schedule(
    job: JobPath,
    cron: Annotated[
        str | None, typer.Option(metavar='"M H D M W"', help="When: the five fields of cron.")
    ] = None,
    at: At = None,
    tz: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Of the cron fields; default: this machine's")
    ] = None,
    overlap: Annotated[
        str,
        typer.Option(metavar="skip|queue|stop-old|allow", help="If the job before is not over."),
    ] = "skip",
    missed: Annotated[
        str,
        typer.Option(
            metavar="skip|one|all",
            help="About times when the server was down; of --at also while it was paused.",
        ),
    ] = "one",
    name: Annotated[str | None, typer.Option(help="Of the schedule; default: the job's.")] = None,
    workers: Workers = None,
    priority: Priority = None,
    team: Team = None,
    sets: Sets = [],  # noqa: B006
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Have a server submit a job by the clock: again and again (--cron), or once (--at)."""
    from distnet.client.times import local_zone

    if (cron is None) == (at is None):
        raise typer.BadParameter("give --cron for again and again, or --at for once")
    client = connect(server, context)
    submission = _prepare(job, sets=sets, workers=workers, priority=priority, team=team)
    request: dict[str, Any] = {"name": name or submission.job_name, "request": submission.request}
    request |= {"tz": tz or local_zone(), "overlap": overlap, "missed": missed}
    request |= {"cron": cron} if cron is not None else {"at": _time(at)}
    with waiting(f"submitting to {client.target.server}"):
        submission.upload(client)
        answer = client.add_schedule(request)
    if as_json:
        print_json(answer)
        return
    from distnet.cli.queue.schedules import described

    typer.echo(described(answer))


def _prepare(job: Path, **options: Any) -> "Submission":
    from distnet.client.submission import prepare

    submission = prepare(job, **options)
    if submission.archive is not None and submission.archive.too_large:
        files = ", ".join(submission.archive.too_large)
        say(f"not uploaded with the job, because they are over 10 MB: {files}")
    return submission


def _time(text: str | None) -> float | None:
    from distnet.client.times import future_time

    return None if text is None else future_time(text, now=time.time())


def _show(client: "Client", jobs: "list[Answer]") -> None:
    from distnet.cli.queue.jobs import described

    for job in jobs[:SHOWN]:
        typer.echo(described(job))
    if len(jobs) > SHOWN:
        array = jobs[0]["array"]
        typer.echo(f"and {len(jobs) - SHOWN:,} more: distnet ps --array {array}")
    say(f"on {client.target.server}; look with: distnet ps, distnet logs {jobs[0]['name']} -f")


def _follow(client: "Client", name: str) -> int:
    from distnet.cli.queue.jobs import described, exit_code
    from distnet.cli.queue.logs import follow_log
    from distnet.client.follow import has_ended, until

    client = client.patient()
    follow_log(client, name)
    job = until(client, name, has_ended)["job"]
    say(described(job))
    return exit_code(job)
