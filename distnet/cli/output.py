"""Print results on stdout and messages on stderr."""

import json
import re
import sys
from typing import Any

import typer

from distnet.cli.encoding import is_unicode
from distnet.cli.stdout import stdout_for_json
from distnet.run_folder.write import finite
from distnet.spec.printable import INVISIBLE, printable, printable_lines

# In a log: what could move the cursor or rename the window; colours (CSI ... m) do no harm.
UNSAFE = re.compile(
    r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]"
)


def print_json(value: Any) -> None:
    """Print one JSON value on one line of stdout; NaN and infinities, which JSON lacks, as null."""
    stdout = stdout_for_json()
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
