"""`distnet schedules`: list, pause, resume and remove recurring jobs."""

from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.queue.due import due, due_line, rule
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.report.text import NONE

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the recurring job.")]


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the recurring jobs and when each is due."""
    schedules = connect(server, context).schedules()
    if as_json:
        print_json(schedules)
    elif schedules:
        _show(schedules)
    else:
        say('no recurring jobs; create one with: distnet schedule JOB --cron "0 2 * * *"')


def pause(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Pause a recurring job.

    It submits nothing until it is resumed.
    """
    _pause(name, True, server, context, as_json=as_json)


def resume(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Resume a paused recurring job.

    Times of --cron that have passed are skipped. If the time of --at has passed, its job is
    submitted now, unless it was created with --missed skip.
    """
    _pause(name, False, server, context, as_json=as_json)


def remove(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Remove a recurring job; the jobs that it has submitted stay."""
    connect(server, context).remove_schedule(name)
    if as_json:
        print_json({"name": name, "is_removed": True})
    else:
        echo(f"{name} is removed")


def _pause(
    name: str, is_paused: bool, server: str | None, context: str | None, *, as_json: bool
) -> None:
    changed = connect(server, context).pause_schedule(name, is_paused)
    if as_json:
        print_json(changed)
    else:
        echo(due_line(changed))


def _show(schedules: list[Json]) -> None:
    heads = ("name", "when", "next", "last job", "submitted", "owner")
    rows = [
        (
            one["name"],
            rule(one),
            due(one),
            one["last_job"] or NONE,
            str(one["num_runs"]),
            one["owner"],
        )
        for one in schedules
    ]
    print_table([Column(head, is_number=head == "submitted") for head in heads], rows)
