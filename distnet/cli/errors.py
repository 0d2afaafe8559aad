"""Errors as text on stderr and, with `--json`, as JSON on stdout."""

import json
import re
from difflib import get_close_matches
from typing import Any

import typer

from distnet.cli.exit_codes import USER_ERROR
from distnet.cli.stdout import is_json
from distnet.errors import DistnetError
from distnet.spec.printable import printable_lines

REQUEST_KEY = re.compile(r"^(?:body|query|path)\.([a-z_]+):", re.MULTILINE)
"""How a server names the part of a request that is wrong."""
MEANT = {
    "create": "init",
    "delete": "rm",
    "evaluate": "eval",
    "fit": "run",
    "import": "data import",
    "jobs": "ps",
    "list": "runs",
    "log": "logs",
    "ls": "runs",
    "new": "init",
    "queue": "ps",
    "resume": "run --resume RUN",
    "start": "run",
    "status": "show",
    "test": "eval",
    "train": "run",
    "validate": "check",
}
"""Commands by what other tools call them."""


def report(error: DistnetError | typer.TyperException | OSError, arguments: list[str]) -> int:
    """Print an error and return the exit code.

    Args:
        error: what a command raised.
        arguments: the command line.
    """
    kind, message = _described(error)
    message = REQUEST_KEY.sub(lambda match: _option(match[1], arguments), message)
    if message:  # empty: a group without a command has printed its help instead
        gap = "\n" if "\n" in message else " "
        mark = typer.style("error:", fg="red", bold=True)
        typer.echo(mark + gap + printable_lines(message), err=True)
    if is_json(arguments):
        typer.echo(json.dumps({"error": {"type": kind, "message": message} | _code(error)}))
    return (
        getattr(error, "exit_code", USER_ERROR) if isinstance(error, DistnetError) else USER_ERROR
    )


def report_warning(warning: Warning) -> None:
    """Print a warning of distnet."""
    typer.echo(f"note: {printable_lines(warning)}", err=True)


def _described(error: DistnetError | typer.TyperException | OSError) -> tuple[str, str]:
    if isinstance(error, typer.TyperException):
        return "UsageError", _usage(error)
    if isinstance(error, OSError):
        file = f"{error.filename}: " if error.filename else ""
        return "OSError", f"{file}{error.strerror or error}"
    return type(error).__name__, str(error)


def _code(error: object) -> dict[str, str]:
    """The stable code of a server's refusal."""
    code = getattr(error, "code", None)
    return {"code": code} if isinstance(code, str) else {}


def _option(key: str, arguments: list[str]) -> str:
    """Name a part of a request as it was typed: `--name`, or `name` for an argument."""
    option = f"--{key.replace('_', '-')}"
    is_given = any(word == option or word.startswith(f"{option}=") for word in arguments)
    return f"{option if is_given else key}:"


def _usage(error: typer.TyperException) -> str:
    message = _unknown_option(error) or _known_elsewhere(error) or error.format_message()
    message = message.rstrip(".")
    message = message.replace(". Did you mean", ", did you mean")
    cause: Any = error.__cause__
    if hasattr(cause, "errors"):
        # pydantic takes 100 ms to import, and only a wrong value needs it.
        from distnet.spec.reading.validation import first_fault

        option = message.partition("'")[2].partition("'")[0]
        message = f"{option}: {first_fault(cause, is_text=True)}"
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    see = " See" if message.endswith("?") else "; see"
    return f"{message}{see}: {context.command_path} --help"


def _known_elsewhere(error: Any) -> str:
    """Name the command that a word of other tools means here; empty for other errors."""
    match = re.match("No such command '([a-z]+)'", error.format_message())
    context = getattr(error, "ctx", None)
    is_first = context is not None and context.parent is None
    if match is None or not is_first or match[1] not in MEANT:
        return ""
    return f"{match[0]}, did you mean '{MEANT[match[1]]}'?"


def _unknown_option(error: Any) -> str:
    """Name the option that was meant; empty for other errors."""
    possible = getattr(error, "possibilities", None)
    if not possible:
        return ""
    [nearest] = get_close_matches(error.option_name, possible, 1, cutoff=0)
    return f"{error.message}, did you mean {nearest}?"
