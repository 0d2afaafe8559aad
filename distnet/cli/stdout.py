"""Keep stdout for JSON: what the user's own code prints, and its libraries, goes to stderr."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, redirect_stdout
from itertools import takewhile
from typing import TextIO

STDOUT, STDERR = 1, 2
_kept: list[TextIO] = []
"""The stdout that is kept for JSON, if it is."""


def is_json(arguments: Sequence[str]) -> bool:
    """Whether a command line wants JSON; what follows `--` is for another program."""
    return "--json" in takewhile(lambda word: word != "--", arguments)


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


def stdout_for_json() -> TextIO:
    """Where JSON is printed."""
    return _kept[-1] if _kept else sys.stdout
