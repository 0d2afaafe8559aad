"""`distnet schedules`: what a server submits by the clock."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.queue.connect import AsJson, Context, Server, connect, print_json, say
from distnet.cli.table import Column, print_table

NONE = "–"

if TYPE_CHECKING:
    from distnet.client.client import Answer

Name = Annotated[str, typer.Argument(metavar="NAME", help="The schedule's name.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="List, pause, resume and remove schedules (distnet schedule).",
        epilog="Example: distnet schedules pause nightly",
    )
    group.command("list", epilog="Example: distnet schedules list")(list_)
    group.command(epilog="Example: distnet schedules pause nightly")(pause)
    group.command(epilog="Example: distnet schedules resume nightly")(resume)
    group.command(epilog="Example: distnet schedules remove nightly")(remove)
    app.add_typer(group, name="schedules")


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the schedules and when each is due."""
    schedules = connect(server, context).schedules()
    if as_json:
        print_json(schedules)
    elif schedules:
        _show(schedules)
    else:
        say('no schedules; make one with: distnet schedule JOB --cron "0 2 * * *"')


def pause(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Let a schedule submit nothing until it is resumed."""
    _pause(name, True, server, context, as_json)


def resume(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Let a paused schedule submit again; times of --cron that have passed are left out.

    If the time of --at has passed, its job is submitted now, unless it was made with --missed skip.
    """
    _pause(name, False, server, context, as_json)


def remove(
    name: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Remove a schedule; the jobs that it has submitted stay."""
    connect(server, context).remove_schedule(name)
    if as_json:
        print_json({"name": name, "is_removed": True})
    else:
        typer.echo(f"{name} is removed")


def described(schedule: "Answer") -> str:
    """Say in one line when a schedule is due."""
    if schedule["is_paused"]:
        due = "paused"
    elif schedule["next_at"] is None:
        due = "never again"
    else:
        due = f"next at {_clock(schedule['next_at'])} (local time)"
    return f"schedule {schedule['name']}: {_when(schedule)}, {due}"


def _pause(
    name: str, is_paused: bool, server: str | None, context: str | None, as_json: bool
) -> None:
    answer = connect(server, context).pause_schedule(name, is_paused)
    if as_json:
        print_json(answer)
    else:
        typer.echo(described(answer))


def _show(schedules: "list[Answer]") -> None:
    heads = ("schedule", "when", "next", "last job", "runs", "owner")
    rows = [
        (
            one["name"],
            _when(one),
            "paused" if one["is_paused"] else _clock(one["next_at"]),
            one["last_job"] or NONE,
            str(one["num_runs"]),
            one["owner"],
        )
        for one in schedules
    ]
    print_table([Column(head, is_number=head == "runs") for head in heads], rows)


def _when(schedule: "Answer") -> str:
    if schedule["cron"] is None:
        return f"once at {_clock(schedule['at'])}"
    return f"{schedule['cron']} {schedule['tz']}"


def _clock(moment: float | None) -> str:
    return NONE if moment is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(moment))
