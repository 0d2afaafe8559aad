"""`distnet whoami` and `distnet token`: who one is on a server, and with which secrets."""

import time
from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.queue.connect import (
    AsJson,
    Context,
    Server,
    connect,
    one_line,
    print_json,
    say,
)
from distnet.cli.table import Column, print_table

if TYPE_CHECKING:
    from distnet.client.client import Answer


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet whoami")(whoami)
    group = typer.Typer(
        no_args_is_help=True,
        help="Create, list and revoke tokens.",
        epilog="Example: distnet token create --user ada --role submitter",
    )
    group.command(epilog="Example: distnet token create --user ada --role submitter")(create)
    group.command("list", epilog="Example: distnet token list")(list_)
    group.command(epilog="Example: distnet token revoke k3x9q1z7b5m2")(revoke)
    app.add_typer(group, name="token")


def whoami(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """Say who one is on a server, and what one may do."""
    client = connect(server, context)
    who = client.whoami()
    if as_json:
        print_json(who | {"address": client.target.server})
    else:
        where = f"{client.target.server} ({client.target.origin})"
        typer.echo(f"{who['user']}, {who['role']} of team {who['team']}, on {where}")


def create(
    user: Annotated[str | None, typer.Option(metavar="USER", help="Default: oneself.")] = None,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="viewer|submitter|admin", help="Of a new user; else it must be theirs."
        ),
    ] = None,
    change_role: Annotated[
        bool, typer.Option("--change-role", help="Give a known user this role from now on.")
    ] = False,
    team: Annotated[
        str | None, typer.Option(metavar="TEAM", help="Of the user, from now on.")
    ] = None,
    note: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires: Annotated[
        str | None, typer.Option(metavar="TIME", help="As +30d or 2027-01-01; default: never.")
    ] = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it; it is shown this once only."""
    from distnet.client.times import future_time

    expires_at = future_time(expires, now=time.time()) if expires else None
    request = {"user": user, "role": role, "team": team, "note": note, "expires_at": expires_at}
    if change_role:
        request["change_role"] = True
    token = connect(server, context).add_token(request)
    if as_json:
        print_json(token)
        return
    typer.echo(token["secret"])
    say(f"token {token['id']} of {token['user']} ({token['role']}); it is shown this once only")


def list_(server: Server = None, context: Context = None, as_json: AsJson = False) -> None:
    """List tokens; secrets are not known to the server itself."""
    tokens = connect(server, context).tokens()
    if as_json:
        print_json(tokens)
    else:
        _show(tokens)


def revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="As token list shows it.")],
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Make a token worthless, at once and for ever."""
    if token.startswith("dn_"):  # the whole secret was given; only its public part may travel
        token = token[3:15]
    client = connect(server, context)
    was_own = (client.target.token or "").startswith(f"dn_{token}_")
    client.revoke_token(token)
    if as_json:
        print_json({"id": token, "is_revoked": True, "was_own": was_own})
        return
    typer.echo(f"token {token} is revoked")
    if was_own:
        say(
            "this was your own token; get another one on the server's machine: distnet server "
            "token, or ask an admin for one"
        )


def _show(tokens: "list[Answer]") -> None:
    from distnet.report.text import local_time

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


def _state(token: "Answer", now: float) -> str:
    from distnet.report.text import local_time

    if token["revoked_at"] is not None:
        return "revoked"
    if token["expires_at"] is None:
        return "valid"
    return f"until {local_time(token['expires_at'])}" if token["expires_at"] > now else "expired"
