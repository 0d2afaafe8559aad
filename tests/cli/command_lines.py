"""Command lines of distnet that texts show."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from distnet.cli.lazy import LazyCommand
from distnet.cli.main import app


def command_lines(text: str) -> Iterator[list[str]]:
    """The words of each line that begins with `distnet`, without that; comments left out.

    What a blank of three or more follows is a comment, too, as in the head of a job file.
    """
    joined = re.sub(r"\\\n[# ]*", " ", text)
    for line in re.findall(r"^[$# ]*distnet ((?! ).+)$", joined, re.MULTILINE):
        yield shlex.split(line.partition("   ")[0], comments=True)


def require_accepted(words: list[str]) -> None:
    """Parse the words of a command line, which must name a command and its options."""
    command: Any = get_command(app)
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    if words:
        assert isinstance(command, LazyCommand)
        command.load().make_context("distnet", list(words))
