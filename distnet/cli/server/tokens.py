"""`distnet whoami` and `distnet token`: the user on a server, and tokens."""

import time
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Server
from distnet.cli.output import echo, one_line, print_json, say
from distnet.cli.table import Column, print_table
from distnet.client.client import Json
from distnet.client.times import future_time
from distnet.report.text import local_time


def whoami(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """Show your user, role and team on a server."""
    client = connect(server, context)
    who = client.whoami()
    if as_json:
        print_json(who | {"address": client.target.server})
    else:
        where = f"{client.target.server} ({client.target.origin})"
        echo(f"{who['user']}, {who['role']} of team {who['team']}, on {where}")


def create(
    user: Annotated[
        str | None, typer.Option(metavar="USER", help="The user, created if new. Default: you.")
    ] = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="viewer|submitter|admin",
            help="Role of a new user; that of an existing user must match.",
        ),
    ] = None,
    change_role: Annotated[
        bool, typer.Option("--change-role", help="Give an existing user this role.")
    ] = False,
    team: Annotated[
        str | None, typer.Option(metavar="TEAM", help="Move the user to this team.")
    ] = None,
    note: Annotated[str, typer.Option(help="What the token is for.")] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="+30d or 2027-01-01. Default: never.")
    ] = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Create a token and print it; it is shown only once."""
    expires_at = future_time(expires, now=time.time()) if expires else None
    request = {"user": user, "role": role, "team": team, "note": note, "expires_at": expires_at}
    if change_role:
        request["change_role"] = True
    token = connect(server, context).add_token(request)
    if as_json:
        print_json(token)
        return
    echo(token["secret"])
    say(f"token {token['id']} of {token['user']} ({token['role']}); it is shown only once")


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List tokens, without their secrets.

    The server itself does not know the secrets.
    """
    tokens = connect(server, context).tokens()
    if as_json:
        print_json(tokens)
    else:
        _show(tokens)


def revoke(
    token: Annotated[
        str, typer.Argument(metavar="ID", help="Id of the token, see distnet token list.")
    ],
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token, immediately and permanently."""
    if token.startswith("dn_"):  # the whole secret was given: send only its public part
        token = token[3:15]
    client = connect(server, context)
    was_own = (client.target.token or "").startswith(f"dn_{token}_")
    client.revoke_token(token)
    if as_json:
        print_json({"id": token, "is_revoked": True, "was_own": was_own})
        return
    echo(f"token {token} is revoked")
    if was_own:
        say(
            "this was your own token; create another on the server's machine: distnet server "
            "token, or get one from an admin"
        )


def _show(tokens: list[Json]) -> None:
    heads = ("token", "user", "role", "state", "created", "used", "note")
    rows = [
        (
            one["id"],
            one["user"],
            one["role"],
            _state(one, time.time()),
            local_time(one["created_at"]),
            local_time(one["used_at"]),
            one_line(one["note"]),
        )
        for one in tokens
    ]
    print_table([Column(head) for head in heads], rows)


def _state(token: Json, now: float) -> str:
    if token["revoked_at"] is not None:
        return "revoked"
    if token["expires_at"] is None:
        return "valid"
    return f"until {local_time(token['expires_at'])}" if token["expires_at"] > now else "expired"
