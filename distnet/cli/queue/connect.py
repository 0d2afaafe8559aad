"""What the commands that talk to a server have in common: which one, and how answers are said."""

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from distnet.client.client import Client

Server = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The server's address; else DISTNET_SERVER."),
]
Context = Annotated[
    str | None, typer.Option(metavar="NAME", help="The server of this context instead.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for machines.")]
JobName = Annotated[str, typer.Argument(metavar="JOB", help="A job's name.")]
JobNames = Annotated[list[str], typer.Argument(metavar="JOB...", help="Names of jobs.")]

# What could move the cursor or rename the window; colours (CSI ... m) do no harm.
UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")


def connect(server: str | None, context: str | None) -> "Client":
    """The server that is meant; nothing is asked yet.

    Raises:
        DistnetError: there is no such context, or two different servers are named.
    """
    from distnet.client.client import Client
    from distnet.client.target import find_target

    return Client(find_target(server, context))


def print_json(value: Any) -> None:
    """Print one JSON value on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def say(text: str) -> None:
    """Tell a person something that is no result."""
    typer.echo(text, err=True)


def tell_silence(error: Exception) -> None:
    """Tell somebody who waits that no server answers, and that this goes on."""
    say(f"{str(error).partition('; ')[0]}; this waits until one does")


def one_line(text: str) -> str:
    """Make text of somebody else's fit to be shown: one line, nothing that steers a terminal."""
    return " ".join(UNSAFE.sub("", text).replace("\x1b", "").split())


def write_log(text: str) -> None:
    """Write a piece of a log to stdout: as it is for a file, harmless for a terminal."""
    sys.stdout.write(UNSAFE.sub("", text) if sys.stdout.isatty() else text)
    sys.stdout.flush()


def waiting(what: str, *, is_quiet: bool = False) -> Any:
    """Show on stderr that something takes its time."""
    from rich.console import Console

    return Console(stderr=True, quiet=is_quiet, highlight=False).status(what)
