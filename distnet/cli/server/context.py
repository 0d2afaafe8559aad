"""`distnet context`: the servers that one knows by name."""

import sys
from typing import Annotated

import typer

from distnet.cli.queue.connect import AsJson, print_json, say
from distnet.errors import DistnetError

Name = Annotated[str, typer.Argument(metavar="NAME", help="The context's name.")]
Url = Annotated[str, typer.Argument(metavar="URL", help="The server's address.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="Servers by name, with their tokens.",
        epilog="Example: distnet context add lab https://lab.example:8270",
    )
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
    force: Annotated[
        bool, typer.Option("--force", help="Replace a context of this name with another server.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Keep the address and token of a server under a name; the token is tried first.

    One that could not be tried is kept, but commands do not talk to it before `context use`.
    """
    from distnet.client import contexts
    from distnet.client.address import checked_token, explicit
    from distnet.client.client import Client
    from distnet.client.target import Target
    from distnet.protocol.errors import UnavailableError

    address = explicit(url, f"context {name}")
    if not force:
        _require_free(name, address)
    target = Target(address, checked_token(_given(token)), f"context {name}")
    try:
        who = Client(target).whoami()
    except UnavailableError as error:
        who = None
        is_current = False
        say(f"kept without a try, use it with: distnet context use {name}; {error}")
    contexts.save(name, target.server, target.token, make_current=is_current)
    known = f" as {who['user']} ({who['role']})" if who else ""
    _tell(name, f"is {target.server}{known}", as_json)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Forget a context and its token."""
    from distnet.client import contexts

    contexts.remove(name)
    _tell(name, "is removed", as_json)


def _require_free(name: str, address: str) -> None:
    from distnet.client.contexts import load

    known = load().contexts.get(name)
    if known is not None and known.server != address:
        raise DistnetError(
            f"context {name}: found {known.server} by this name, expected {address} or nothing; "
            "take another name, or replace it: --force"
        )


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
