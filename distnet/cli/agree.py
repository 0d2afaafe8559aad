"""Ask before something costs money, time or space."""

import sys

import typer

from distnet.cli.exit_codes import STOPPED
from distnet.cli.output import say
from distnet.errors import DistnetError


def agree(question: str, *, is_agreed: bool) -> None:
    """Say what would be done, and go on only if the user agrees.

    Args:
        question: what would be done.
        is_agreed: whether the user has said so already, by --yes.

    Raises:
        DistnetError: there is no terminal to ask at.
    """
    say(question)
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise DistnetError("found no terminal to ask at, expected --yes")
    if not typer.confirm("go on?", err=True):
        raise typer.Exit(STOPPED)
