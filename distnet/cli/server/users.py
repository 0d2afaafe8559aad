"""`distnet users`: list, block and unblock users."""

from collections.abc import Sequence
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import echo, one_line, print_json, say
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.report.text import local_time
from distnet.spec.plural import counted, listed

MOST_NAMES = 5

Name = Annotated[str, typer.Argument(metavar="USER", help="Name of the user.")]


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List the users with their role and team; for admins."""
    users = connect(server, context).users()
    if as_json:
        print_json(users)
        return
    rows = [
        (one["name"], one["role"], one["team"], local_time(one["created_at"]), _state(one))
        for one in users
    ]
    print_table([Column(head) for head in ("user", "role", "team", "created", "state")], rows)


def block(
    user: Name,
    reason: Annotated[str, typer.Option(help="Why; shown to the user.")] = "",
    cancel: Annotated[
        bool, typer.Option("--cancel", help="Cancel the user's open jobs; running ones save first.")
    ] = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Refuse all requests of a user; tokens stay, but do not work.

    Jobs that have workers go on, unless --cancel is given. Waiting ones are held, and recurring
    ones submit nothing.
    """
    done = connect(server, context).block_user(user, {"reason": reason, "cancel": cancel})
    if as_json:
        print_json(done)
        return
    echo(f"{user} is blocked")
    for names, what in (
        (done["cancelled"], "cancelled"),
        (done["held"], "held"),
        (done["going_on"], "going on"),
    ):
        _say_jobs(names, "job", what)
    _say_jobs(done["paused"], "recurring job", "submitting nothing")
    if done["going_on"]:
        say(f"cancel them with: distnet users block {user} --cancel")


def unblock(
    user: Name, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Accept the requests of a user again, with the tokens of before.

    Recurring jobs submit again. Jobs that were held stay held until they are released.
    """
    done = connect(server, context).unblock_user(user)
    if as_json:
        print_json(done)
        return
    echo(f"{user} is unblocked")
    if done["held"]:
        names = " ".join(done["held"][:MOST_NAMES])
        more = " ..." if len(done["held"]) > MOST_NAMES else ""
        say(
            f"{counted(len(done['held']), 'job')} held; release with: distnet release {names}{more}"
        )


def _state(user: Json) -> str:
    if user["blocked_at"] is None:
        return "active"
    reason = f": {one_line(user['blocked_for'])}" if user["blocked_for"] else ""
    return f"blocked by {user['blocked_by']} on {local_time(user['blocked_at'])}{reason}"


def _say_jobs(names: Sequence[str], noun: str, what: str) -> None:
    if names:
        say(f"{counted(len(names), noun)} {what}: {listed(names, MOST_NAMES)}")
