"""Print results on stdout and messages on stderr."""

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from typing import Any, TextIO

import typer

from distnet.cli.encoding import is_unicode
from distnet.run_folder.write import finite
from distnet.spec.printable import INVISIBLE, printable, printable_lines

# In a log: what could move the cursor or rename the window; colours (CSI ... m) do no harm.
UNSAFE = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


STDOUT, STDERR = 1, 2
_kept: list[TextIO] = []
"""The stdout that is kept for JSON, if it is."""


@contextmanager
def stdout_kept_for_json() -> Iterator[None]:
    """Within the context only `print_json` writes to stdout; what others print goes to stderr.

    The user's own code may print whatever it likes, and scripts parse what is on stdout.
    """
    with ExitStack() as stack:
        _kept.append(stack.enter_context(_moved()) or sys.stdout)
        stack.callback(_kept.pop)
        stack.enter_context(redirect_stdout(sys.stderr))
        yield


@contextmanager
def _moved() -> Iterator[TextIO | None]:
    """Move the process's stdout elsewhere, for libraries and child processes that print.

    Yields:
        The moved stdout; None where `sys.stdout` is not that of the process, as in a notebook.
    """
    stdout = sys.__stdout__
    if stdout is None or sys.stdout is not stdout or stdout.fileno() != STDOUT:
        yield None
        return
    stdout.flush()
    moved = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    encoding, errors = stdout.encoding, stdout.errors
    try:
        with open(moved, "w", encoding=encoding, errors=errors, closefd=False) as results:
            yield results
    finally:
        os.dup2(moved, STDOUT)
        os.close(moved)


def print_json(value: Any) -> None:
    """Print one JSON value on one line of stdout; NaN and infinities, which JSON lacks, as null."""
    stdout = _kept[-1] if _kept else sys.stdout
    text = json.dumps(finite(value), ensure_ascii=not is_unicode(stdout))
    # Only texts contain them, where JSON has the same as an escape.
    typer.echo(INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text), file=stdout)


def echo(text: object, *, mark: str = "") -> None:
    """Print one line of the result on stdout, after a `mark` that may be coloured."""
    typer.echo(mark + printable(text))


def say(text: str) -> None:
    """Print a message that is not part of the result, on stderr."""
    typer.echo(printable_lines(text), err=True)


def one_line(text: str) -> str:
    """Put text from elsewhere on one line, without control characters."""
    return " ".join(UNSAFE.sub("", text).replace("\x1b", "").split())


def write_log(text: str) -> None:
    """Write a piece of a log to stdout; to a terminal without control codes."""
    sys.stdout.write(UNSAFE.sub("", text) if sys.stdout.isatty() else text)
    sys.stdout.flush()
