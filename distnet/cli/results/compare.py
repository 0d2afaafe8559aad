"""`distnet compare`."""

from pathlib import Path
from typing import Annotated

import typer

from distnet.cli.console import spinner, stdout_console
from distnet.cli.options import RUNS, AsJson, Runs
from distnet.cli.output import print_json
from distnet.report.compare import Comparison, compare_runs
from distnet.report.find import find_run
from distnet.report.run import Run, read_run
from distnet.report.terminal import comparison_view


def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN", help="Two or more runs.")],
    runs: Runs = RUNS,
    html: Annotated[Path | None, typer.Option(help="Also write a page to this file.")] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the losses into this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare runs with the first: job files, results, speed, weights."""
    found = [read_run(find_run(reference, runs)) for reference in run]
    comparison = compare_runs(found)
    if html or png:
        with spinner("drawing"):
            _draw(found, comparison, html, png)
    if as_json:
        print_json(comparison.to_dict())
    else:
        stdout_console().print(comparison_view(comparison))


def _draw(runs: list[Run], comparison: Comparison, html: Path | None, png: Path | None) -> None:
    # matplotlib takes a second to import, and a comparison in the terminal does not need it.
    from distnet.report.overlay import write_comparison, write_overlay

    if html:
        write_comparison(html, runs, comparison)
    if png:
        write_overlay(png, runs, comparison)
