"""The command `distnet`: joins the verbs, and turns errors into text and exit codes.

Exit codes: 0 done, 1 a fault of distnet itself, 2 something the user can mend, 3 training failed,
130 interrupted.
"""

import json
import os
import re
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.main import get_command

from distnet.cli.data import data
from distnet.cli.look import audit, runs, weights
from distnet.cli.panels import InPanels, show_in_panels
from distnet.cli.queue import jobs, logs, schedules, submit
from distnet.cli.queue import ps as queue
from distnet.cli.server import context, server, sim, team, tokens
from distnet.cli.train import chaos, run
from distnet.cli.train import init_schema as spec
from distnet.cli.train import stop_resize as steer
from distnet.errors import DistnetError

REQUEST = re.compile(r"^(?:body|query|path)\.([a-z_]+):", re.MULTILINE)
"""How a server names the part of a request that is at fault."""
INTERRUPTED = 130  # 128 + SIGINT, as shells count

app = typer.Typer(
    cls=InPanels,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"distnet {version('distnet')}")
        except PackageNotFoundError:
            typer.echo("distnet, not installed: run from its source")
        raise typer.Exit


@app.callback(epilog="Example: distnet run jobs/digits.yaml")
def distnet(
    version: Annotated[  # noqa: ARG001
        bool,
        typer.Option("--version", help="Show the version.", callback=_show_version, is_eager=True),
    ] = False,
) -> None:
    """Train neural networks in parallel from one job file."""


for verbs in (
    run,
    steer,
    spec,
    submit,
    queue,
    logs,
    jobs,
    schedules,
    data,
    runs,
    audit,
    weights,
    chaos,
    server,
    sim,
    context,
    tokens,
    team,
):
    verbs.register(app)
show_in_panels(app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit code; mistakes of the user are told as text."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        return _run(arguments)
    except DistnetError as error:
        return _told(type(error).__name__, error, error.exit_code, arguments)
    except typer.TyperException as error:
        return _told("UsageError", _usage(error), 2, arguments)
    except BrokenPipeError:
        # The reader has gone, as `head` does; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _told("OSError", f"{where}{error.strerror or error}", 2, arguments)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED


def _run(arguments: list[str]) -> int:
    code = get_command(app).main(arguments, prog_name="distnet", standalone_mode=False)
    sys.stdout.flush()
    return code if isinstance(code, int) else 0


def _told(kind: str, error: DistnetError | str, code: int, arguments: list[str]) -> int:
    """Tell an error on stderr, and as JSON on stdout where that was asked for."""
    message = REQUEST.sub(lambda found: _option(found[1], arguments), str(error))
    if message:  # a group without a verb has shown its help instead
        gap = "\n" if "\n" in message else " "
        typer.echo(typer.style("error:", fg="red", bold=True) + gap + message, err=True)
    if "--json" in arguments:
        told = {"type": kind, "message": message}
        if hasattr(error, "code"):  # of a server's refusal; it is stable
            told["code"] = error.code
        typer.echo(json.dumps({"error": told}))
    return code


def _option(key: str, arguments: list[str]) -> str:
    """Name a part of a request as the command line did: `--name`, or `name` for an argument."""
    option = f"--{key.replace('_', '-')}"
    is_given = any(word == option or word.startswith(f"{option}=") for word in arguments)
    return f"{option if is_given else key}:"


def _usage(error: typer.TyperException) -> str:
    message = error.format_message().rstrip(".")
    faults = getattr(error.__cause__, "errors", None)
    if faults is not None:  # pydantic's, which speaks of "input"
        from distnet.spec.reading.faults import shortened
        from distnet.spec.reading.validation import expected

        first = faults()[0]
        where = message.partition("'")[2].partition("'")[0]
        message = f"{where}: found {shortened(str(first['input']))}, expected {expected(first)}"
    context = getattr(error, "ctx", None)
    if not message or context is None:
        return message
    return f"{message}; see: {context.command_path} --help"
