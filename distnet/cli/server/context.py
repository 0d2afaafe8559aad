"""`distnet context`: servers and their tokens under names."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.options import AsJson
from distnet.cli.output import echo, print_json, say
from distnet.client import contexts
from distnet.client.address import checked_token, explicit
from distnet.client.client import Client
from distnet.client.connection import tls_context
from distnet.client.target import Target
from distnet.errors import DistnetError
from distnet.protocol.errors import UnavailableError

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the context.")]
Ca = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Certificate of the CA of the server, if the system does not know it."
    ),
]
Url = Annotated[str, typer.Argument(metavar="URL", help="Address of the server.")]


def list_(as_json: AsJson = False) -> None:
    """List the contexts.

    Tokens are shown without their secret part.
    """
    known = contexts.load()
    rows = [
        {
            "name": name,
            "server": context.server,
            "token": _public(context.token),
            "ca": context.ca,
            "is_current": name == known.current,
        }
        for name, context in known.contexts.items()
    ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        mark = "*" if row["is_current"] else " "
        echo(f"{mark} {row['name']:<16} {row['server']}  {row['token'] or 'no token'}")
    if not rows:
        file = contexts.contexts_file()
        say(f"{file} has no contexts; add one with: distnet context add NAME URL")


def use(name: Name, as_json: AsJson = False) -> None:
    """Make a context the current one.

    Commands talk to its server unless another is given.
    """
    contexts.use(name)
    _print_done(name, "is the current context", as_json=as_json)


def add(
    name: Name,
    url: Url,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TOKEN",
            envvar="DISTNET_TOKEN",
            help="- reads it from stdin. Default: a prompt.",
        ),
    ] = None,
    is_current: Annotated[
        bool, typer.Option("--use/--no-use", help="Make it the current context.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace a context of this name for another server.")
    ] = False,
    ca: Ca = None,
    as_json: AsJson = False,
) -> None:
    """Save the address and token of a server under a name.

    The token is checked first. If the server does not respond, the context is saved unchecked and
    does not become the current one.
    """
    address = explicit(url, f"context {name}")
    if not force:
        _require_free(name, address)
    authority = _authority(ca, address)
    target = Target(address, checked_token(_given(token)), f"context {name}", authority)
    try:
        who = Client(target).whoami()
    except UnavailableError as error:
        who = None
        is_current = False
        say(f"saved without a check, use it with: distnet context use {name}; {error}")
    contexts.save(name, target.server, target.token, make_current=is_current, ca=authority)
    known = f" as {who['user']} ({who['role']})" if who else ""
    _print_done(name, f"is {target.server}{known}", as_json=as_json)


def remove(name: Name, as_json: AsJson = False) -> None:
    """Remove a context and its token."""
    contexts.remove(name)
    _print_done(name, "is removed", as_json=as_json)


def _require_free(name: str, address: str) -> None:
    known = contexts.load().contexts.get(name)
    if known is not None and known.server != address:
        raise DistnetError(
            f"context {name}: found {known.server} under this name, expected {address} or nothing; "
            "choose another name, or replace it with --force"
        )


def _authority(ca: Path | None, address: str) -> str | None:
    """The absolute path of a CA's certificate: commands run in any folder."""
    if ca is None:
        return None
    if not address.startswith("https:"):
        raise DistnetError(f"--ca: found the address {address}, expected one with https")
    tls_context(str(ca))
    return str(ca.resolve())


def _given(token: str | None) -> str | None:
    if token == "-":
        return sys.stdin.readline()
    if token is None and sys.stdin.isatty():
        return str(typer.prompt("token", default="", hide_input=True, show_default=False, err=True))
    return token


def _public(token: str | None) -> str | None:
    """The part of a token that is not secret."""
    if token is None:
        return None
    return token[:15] if token.startswith("dn_") else "a token"


def _print_done(name: str, done: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "done": done})
    else:
        echo(f"{name} {done}")
