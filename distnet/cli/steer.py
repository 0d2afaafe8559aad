"""`distnet stop` and `distnet resize`: commands for a run that another process trains."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

Reference = Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder, or latest.")]
Runs = Annotated[
    Path, typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders.")
]
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Ask, and return at once.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet stop digits-1")(stop)
    app.command(epilog="Example: distnet resize digits-1 --workers 3")(resize)


def stop(
    run: Reference,
    runs: Runs = Path("runs"),
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Have a run finish its step, save and end; go on later with run --resume."""
    from distnet.launch.steer import stop as ask

    folder = _find(run, runs)
    with _waiting(f"waiting for {folder.name} to save and end", no_wait):
        ended = ask(folder, wait_s=None if no_wait else timeout)
    if as_json:
        print(json.dumps(ended))
    elif no_wait:
        print(f"{folder.name} was asked to stop")
    else:
        print(f"{folder.name} {ended['status']} after step {ended['step']}")
        if ended["status"] != "finished":
            print(f"go on with: distnet run --resume {folder.path}")


def resize(
    run: Reference,
    workers: Annotated[int, typer.Option(min=1, help="The workers it shall have.")],
    runs: Runs = Path("runs"),
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    as_json: AsJson = False,
) -> None:
    """Give a run another number of workers while it trains; no step is lost, no bit changes."""
    from distnet.launch.steer import resize as ask

    folder = _find(run, runs)
    with _waiting(f"waiting for {folder.name} to change its workers", no_wait):
        changed = ask(folder, workers, wait_s=None if no_wait else timeout)
    if as_json:
        print(json.dumps(changed))
    elif no_wait:
        print(f"{folder.name} was asked to go on with {workers} workers")
    else:
        print(
            f"{folder.name} goes on with {changed['workers']} workers from step {changed['step']}"
        )


def _find(run: str, runs: Path) -> Any:
    from distnet.report.find import find_run

    return find_run(run, runs)


def _waiting(what: str, no_wait: bool) -> Any:
    from rich.console import Console

    return Console(stderr=True, quiet=no_wait).status(what)
