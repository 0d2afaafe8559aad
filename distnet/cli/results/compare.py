"""`distnet compare`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner, stdout_console
from distnet.cli.options import RUNS, AsJson, Context, Runs, Server
from distnet.cli.output import print_json
from distnet.cli.results.find import find_or_fetch
from distnet.report.compare import Comparison, compare_runs
from distnet.report.find import LATEST
from distnet.report.run import Run, read_run
from distnet.report.terminal import comparison_view
from distnet.run_folder.paths import RunFolder


def compare(
    run: Annotated[
        list[str],
        typer.Argument(metavar="RUN|JOB", help="Two or more runs, or jobs of a server."),
    ],
    runs: Runs = RUNS,
    html: Annotated[Path | None, typer.Option(help="Also write a page to this file.")] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the losses into this file.")] = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs with the first: job files, results, speed, weights.

    With --server or --context, names are those of the server's jobs; runs here are given by their
    folder, or as latest.
    """
    folders = {one: _found(one, runs, server, context) for one in dict.fromkeys(run)}
    found = [read_run(folders[one]) for one in run]
    comparison = compare_runs(found)
    if html or png:
        with spinner("drawing"):
            _draw(found, comparison, html, png)
    if as_json:
        print_json(comparison.to_dict())
    else:
        stdout_console().print(comparison_view(comparison))


def _found(reference: str, runs: Path, server: str | None, context: str | None) -> RunFolder:
    """A run here, or the records of a job."""
    if os.sep in reference or reference == LATEST:
        server = context = None
    return find_or_fetch(reference, runs, server, context, has_weights=False)


def _draw(runs: list[Run], comparison: Comparison, html: Path | None, png: Path | None) -> None:
    # matplotlib takes a second to import, and a comparison in the terminal does not need it.
    from distnet.report.overlay import write_comparison, write_overlay

    if html:
        write_comparison(html, runs, comparison)
    if png:
        write_overlay(png, runs, comparison)
