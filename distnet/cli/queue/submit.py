"""`distnet submit`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.console import spinner
from distnet.cli.lazy import imported
from distnet.cli.options import (
    AsJson,
    At,
    Context,
    Folds,
    JobFile,
    Name,
    Priority,
    Server,
    Sets,
    StopEarly,
    Sweep,
    TeamOfJob,
    TrialsAtOnce,
    Workers,
)
from distnet.cli.output import echo, print_json, say
from distnet.cli.queue.jobs import described
from distnet.cli.queue.logs import follow_log
from distnet.cli.queue.prepare import prepared, unix_time, uploaded
from distnet.cli.queue.wait import exit_code
from distnet.client.client import Client, Json
from distnet.client.follow import has_ended, until
from distnet.errors import DistnetError
from distnet.spec.plural import counted
from distnet.spec.sweep import folds_setting, require_no_folds

MOST_LINES = 10

After = Annotated[
    list[str], typer.Option(metavar="JOB[:ok|any|failed]", help="Start when JOB has ended.")
]
StartFrom = Annotated[
    str | None, typer.Option(metavar="JOB", help="Start from the newest weights of JOB.")
]
Reservation = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Run in this reservation: on its nodes, in its time."),
]


def submit(
    job: JobFile,
    workers: Workers = None,
    priority: Priority = None,
    name: Name = None,
    team: TeamOfJob = None,
    after: After = [],  # noqa: B006 - typer copies it
    start_from: StartFrom = None,
    sweep: Sweep = [],  # noqa: B006
    folds: Folds = None,
    stop_early: StopEarly = False,
    trials_at_once: TrialsAtOnce = None,
    at: At = None,
    reservation: Reservation = None,
    hold: Annotated[bool, typer.Option("--hold", help="Hold it until it is released.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Then follow its log.")] = False,
    sets: Sets = [],  # noqa: B006
    server: Server = None,
    context: Context = None,
    cluster: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Submit to this cluster, and bring it up first if it is not."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Queue a job on a server.

    The server starts it when there are free nodes for all its workers; where the cluster file
    allows for more nodes, they are added. With --follow the exit code is that of the job, as with
    distnet wait.
    """
    sweep = [*sweep, *([folds_setting(folds)] if folds else [])]
    _check_sweep(sweep, stop_early=stop_early, trials_at_once=trials_at_once)
    if follow and (sweep or as_json):
        raise typer.BadParameter("--follow shows the log of one job: leave out --sweep and --json")
    if cluster is not None and (server or context):
        raise typer.BadParameter("--cluster names the server: leave out --server and --context")
    options: dict[str, Any] = {"workers": workers, "priority": priority, "name": name, "team": team}
    options |= {"at": unix_time(at), "hold": hold or None, "reservation": reservation}
    options |= {"sets": sets, "after": after, "start_from": start_from, "sweep": sweep}
    options |= {"stop_early": stop_early or None, "trials_at_once": trials_at_once}
    submission = prepared(job, **options)
    if cluster is not None:
        context = imported("cluster.ready:ready")(cluster, is_quiet=as_json)
    client = connect(server, context)
    submission = uploaded(client, submission)
    with spinner(f"submitting {counted(submission.num_jobs, 'job')} to {client.target.server}"):
        jobs = submission.send(client)
    if as_json:
        print_json({"jobs": jobs})
        return
    _show(client, jobs)
    if follow:
        raise typer.Exit(_follow(client, jobs[0]["name"]))


def _check_sweep(sweep: list[str], *, stop_early: bool, trials_at_once: int | None) -> None:
    """Refuse what only a sweep can have, and what this one cannot, before anything is sent.

    Raises:
        DistnetError: an option does not fit.
    """
    options = {"--stop-early": stop_early, "--trials-at-once": trials_at_once is not None}
    alone = [option for option, is_given in options.items() if is_given and not sweep]
    if alone:
        raise DistnetError(
            f"{' and '.join(alone)}: expected --sweep or --folds with it; one job has no others "
            "beside it"
        )
    require_no_folds(sweep, stop_early=stop_early)


def _show(client: Client, jobs: list[Json]) -> None:
    for job in jobs[:MOST_LINES]:
        echo(described(job))
    sweep = jobs[0]["array"]
    if len(jobs) > MOST_LINES:
        echo(f"and {len(jobs) - MOST_LINES:,} more: distnet sweep {sweep}")
    see = f"distnet sweep {sweep}" if sweep else "distnet ps"
    say(f"on {client.target.server}; see: {see}, distnet logs {jobs[0]['name']} -f")


def _follow(client: Client, name: str) -> int:
    client = client.patient()
    follow_log(client, name)
    job = until(client, name, has_ended)["job"]
    say(described(job))
    return exit_code(job)
