"""`distnet context`: the servers that one knows by name."""

import sys
from typing import Annotated

import typer

from distnet.cli.connect import AsJson, print_json, say

Name = Annotated[str, typer.Argument(metavar="NAME", help="The context's name.")]
Url = Annotated[str, typer.Argument(metavar="URL", help="The server's address.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Servers by name, with their tokens.")
    group.command("list", epilog="Example: distnet context list")(list_)
    group.command(epilog="Example: distnet context use lab")(use)
    group.command(epilog="Example: distnet context add lab https://lab.example:8270")(add)
    group.command(epilog="Example: distnet context remove lab")(remove)
    app.add_typer(group, name="context")


def list_(as_json: AsJson = False) -> None:
    """List the contexts; secrets are not shown."""
    from distnet.client.contexts import contexts_file, load

    known = load()
    rows = [
        {
            "name": name,
            "server": context.server,
            "token": _public(context.token),
            "is_current": name == known.current,
        }
        for name, context in known.contexts.items()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        mark = "*" if row["is_current"] else " "
        typer.echo(f"{mark} {row['name']:<16} {row['server']}  {row['token'] or 'no token'}")
    if not rows:
        say(f"{contexts_file()} holds no contexts; add one with: distnet context add NAME URL")


def use(name: Name, as_json: AsJson = False) -> None:
    """Make a context the one that commands talk to."""
    from distnet.client import contexts

    contexts.use(name)
    _tell(name, "is the current context", as_json)


def add(
    name: Name,
    url: Url,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="DISTNET_TOKEN",
            help="- reads it from stdin; by default you are asked for it.",
        ),
    ] = None,
    is_current: Annotated[
        bool, typer.Option("--use/--no-use", help="Whether commands talk to it from now on.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Keep the address and token of a server under a name; the token is tried first."""
    from distnet.client import contexts
    from distnet.client.address import checked_token, normalised
    from distnet.client.client import Client
    from distnet.client.target import Target
    from distnet.server.errors import UnavailableError

    target = Target(normalised(url), checked_token(_given(token)), f"context {name}")
    try:
        who = Client(target).whoami()
    except UnavailableError as error:
        who = None
        say(f"kept without a try: {error}")
    contexts.save(name, target.server, target.token, make_current=is_current)
    known = f" as {who['user']} ({who['role']})" if who else ""
    _tell(name, f"is {target.server}{known}", as_json)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Forget a context and its token."""
    from distnet.client import contexts

    contexts.remove(name)
    _tell(name, "is removed", as_json)


def _given(token: str | None) -> str | None:
    if token == "-":
        return sys.stdin.readline()
    if token is None and sys.stdin.isatty():
        return str(typer.prompt("token", default="", hide_input=True, show_default=False, err=True))
    return token


def _public(token: str | None) -> str | None:
    """The part of a token that is no secret."""
    if token is None:
        return None
    return token[:15] if token.startswith("dn_") else "a token"


def _tell(name: str, what: str, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "done": what})
    else:
        typer.echo(f"{name} {what}")
