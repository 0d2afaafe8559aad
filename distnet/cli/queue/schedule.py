"""`distnet schedule`."""

from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.console import spinner
from distnet.cli.options import (
    AsJson,
    At,
    Context,
    JobFile,
    Priority,
    Server,
    Sets,
    TeamOfJob,
    Workers,
)
from distnet.cli.output import echo, print_json
from distnet.cli.queue.due import due_line
from distnet.cli.queue.prepare import prepared, unix_time, uploaded
from distnet.client.times import local_zone
from distnet.protocol.cron import require_cron

Cron = Annotated[
    str | None, typer.Option(metavar='"M H D M W"', help="When: the five fields of cron.")
]
Zone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="Time zone of --cron. Default: that of this machine."),
]
Overlap = Annotated[
    str,
    typer.Option(
        metavar="skip|queue|stop-old|allow", help="If the previous job has not ended yet."
    ),
]
Missed = Annotated[
    str,
    typer.Option(
        metavar="skip|one|all",
        help="Times at which the server was down; for --at also if it was paused.",
    ),
]


def schedule(
    job: JobFile,
    cron: Cron = None,
    at: At = None,
    tz: Zone = None,
    overlap: Overlap = "skip",
    missed: Missed = "one",
    name: Annotated[
        str | None, typer.Option(help="Name of the recurring job. Default: that of the job.")
    ] = None,
    workers: Workers = None,
    priority: Priority = None,
    team: TeamOfJob = None,
    sets: Sets = [],  # noqa: B006 - typer copies it
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Have a server submit a job at set times: repeatedly (--cron) or once (--at)."""
    if (cron is None) == (at is None):
        raise typer.BadParameter(
            f"found {'neither' if cron is None else 'both'} of --cron and --at, expected one: "
            "--cron for a recurring job, --at to submit once"
        )
    if cron is not None:
        require_cron(cron, tz or local_zone())  # before anything is read and uploaded
    when = {"cron": cron} if cron is not None else {"at": unix_time(at)}
    client = connect(server, context)
    submission = prepared(job, sets=sets, workers=workers, priority=priority, team=team)
    submission = uploaded(client, submission)
    request: dict[str, Any] = {"name": name or submission.job_name, "request": submission.request}
    request |= {"tz": tz or local_zone(), "overlap": overlap, "missed": missed}
    request |= when
    with spinner(f"submitting to {client.target.server}"):
        created = client.add_schedule(request)
    if as_json:
        print_json(created)
    else:
        echo(due_line(created))
