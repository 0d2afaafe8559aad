"""`distnet sweep`: of runs here, or of jobs on a server."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.console import spinner
from distnet.cli.lazy import imported
from distnet.cli.options import RUNS, AsJson, Context, Runs, Server
from distnet.cli.sweeps.table import export_command, show
from distnet.client.client import Client
from distnet.errors import RunError
from distnet.protocol.errors import ServerError
from distnet.protocol.sweeps import SweepResponse
from distnet.run_folder.read import read_bytes
from distnet.run_folder.write import write_whole
from distnet.spec.printable import argument
from distnet.sweeps.find import find_sweep
from distnet.sweeps.ranking import rank
from distnet.sweeps.record import SweepFolder


def sweep(
    name: Annotated[str, typer.Argument(metavar="SWEEP", help="A sweep here, or on a server.")],
    runs: Runs = RUNS,
    best_job: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the job file of the best trial.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Also write a page to this file.")] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the picture into this file.")] = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Show the trials of a sweep, the best first: what each changes, its result, its state.

    SWEEP is a sweep of runs in runs/; otherwise, or with --server or --context, of a server's jobs.
    """
    found = _find(name, runs, server, context)
    if html or png:
        with spinner("drawing"):
            imported("sweeps.drawn:draw")(found.table, html, png)
    if best_job:
        _write_best_job(found, best_job)
    job_file = argument(best_job) if best_job else found.job_file
    show(found.table, job_file=job_file, command=found.command, page=html, as_json=as_json)


@dataclass(frozen=True)
class _Found:
    """A sweep as it stands, and how to get the job file of its best trial."""

    table: SweepResponse
    job_file: str | None
    """Where that is, or the command that writes it; None before anything is measured."""
    command: str | None
    """What to do with that trial."""
    read_job_file: Callable[[str], bytes]
    """Reads the job file of a trial, by its name."""


def _find(name: str, runs: Path, server: str | None, context: str | None) -> _Found:
    """A sweep here, else on the server.

    Raises:
        DistnetError: there is neither.
    """
    if server is not None or context is not None:
        return _on_server(connect(server, context), name)
    try:
        return _here(find_sweep(name, runs))
    except RunError as error:
        no_sweep = error
    client = connect(None, None)
    try:
        return _on_server(client, name)
    except ServerError as error:
        raise RunError(f"{no_sweep}\non {client.target.server}: {error}") from None


def _here(sweep: SweepFolder) -> _Found:
    table = rank(sweep)
    return _Found(
        table,
        sweep.job_file_of(table.best),
        export_command(sweep, table.best),
        lambda trial: read_bytes(Path(sweep.job_file_of(trial) or "")),
    )


def _on_server(client: Client, name: str) -> _Found:
    table = SweepResponse.model_validate(client.sweep(name))
    command = f"written by: distnet sweep {name} --best-job best.yaml"
    return _Found(
        table,
        command if table.best else None,
        table.best and f"distnet fetch {table.best}",
        lambda trial: str(client.details(trial)["spec"]).encode(),
    )


def _write_best_job(found: _Found, path: Path) -> None:
    best = found.table.best
    if best is None:
        raise RunError(f"--best-job {path}: no trial of {found.table.name} has a result yet")
    write_whole(path, found.read_job_file(best))
