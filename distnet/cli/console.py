"""Rich consoles and spinners; for commands that can afford to import rich."""

import sys

from rich.console import Console
from rich.status import Status

PIPE_WIDTH = 200
"""A pipe has no width of its own: wide enough that no name is folded."""


def stdout_console() -> Console:
    """The console for results."""
    return Console(width=None if sys.stdout.isatty() else PIPE_WIDTH, highlight=False)


def spinner(what: str, *, is_quiet: bool = False) -> Status:
    """Show on stderr, where it is a terminal, what is being done."""
    return Console(stderr=True, quiet=is_quiet, highlight=False).status(what)
