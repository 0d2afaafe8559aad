"""The command `distnet`: parse, call, and turn errors into text and exit codes."""

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any

import typer
from typer.main import get_command

from distnet.cli.encoding import print_anything
from distnet.cli.errors import report, report_warning
from distnet.cli.exit_codes import STOPPED
from distnet.cli.lazy import LazyGroup, listed
from distnet.cli.signals import sigterm_as_ctrl_c
from distnet.cli.stdout import is_json, stdout_kept_for_json
from distnet.cli.verbs import PANELS
from distnet.errors import DistnetError, DistnetWarning


class Distnet(LazyGroup):
    """All commands, in panels."""

    def __init__(self, **settings: Any) -> None:
        commands = {
            name: command
            for panel, entries in PANELS.items()
            for name, command in listed(entries, panel).items()
        }
        super().__init__(**settings | {"commands": commands})


app = typer.Typer(
    cls=Distnet,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(is_wanted: bool) -> None:
    if not is_wanted:
        return
    # It takes as long to import as Typer, and only --version needs it.
    from importlib.metadata import PackageNotFoundError, version

    try:
        typer.echo(f"distnet {version('distnet')}")
    except PackageNotFoundError:
        typer.echo("distnet (not installed, run from source)")
    raise typer.Exit


@app.callback(epilog="Example: distnet run jobs/digits.yaml")
def distnet(
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Train neural networks in parallel from one job file."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; a user's mistake is printed as text."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    print_anything()
    with sigterm_as_ctrl_c() as sigterm:
        code = _code_of(arguments)
    return sigterm.exit_code(code)


def _code_of(arguments: list[str]) -> int:
    try:
        return _run(arguments)
    except BrokenPipeError:
        # The reader has gone, as `head` does; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (DistnetError, typer.TyperException, OSError) as error:
        return report(error, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return STOPPED


def _run(arguments: list[str]) -> int:
    with ExitStack() as stack:
        if is_json(arguments):
            stack.enter_context(stdout_kept_for_json())
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("always", DistnetWarning)
        warnings.showwarning = partial(_show_warning, warnings.showwarning)
        code = get_command(app).main(arguments, prog_name="distnet", standalone_mode=False)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _show_warning(show: Callable[..., None], message: Warning | str, *facts: Any) -> None:
    """Print what distnet warns of as one line; warnings of others as Python prints them."""
    if isinstance(message, DistnetWarning):
        report_warning(message)
    else:
        show(message, *facts)
