"""The commands that look at runs: runs, show, report, compare."""

import dataclasses
import json
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console

RunsFolder = Annotated[
    Path, typer.Option("--runs", envvar="DISTNET_RUNS", help="The folder that holds the runs.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for machines.")]
Reference = Annotated[str, typer.Argument(metavar="RUN", help="A run's name or folder, or latest.")]
RUNS = Path("runs")


def register(app: typer.Typer) -> None:
    """Add the commands of this file to `app`."""
    app.command(epilog="Example: distnet runs --runs /data/runs")(runs)
    app.command(epilog="Example: distnet show latest")(show)
    app.command(epilog="Example: distnet report digits-1")(report)
    app.command(epilog="Example: distnet compare digits-1 digits-2 --html compare.html")(compare)


def runs(runs: RunsFolder = RUNS, as_json: Json = False) -> None:
    """List the runs, newest first."""
    from distnet.errors import RunError
    from distnet.report.find import list_runs
    from distnet.report.run import read_run
    from distnet.report.summary import summarise
    from distnet.report.terminal import runs_table

    found = []
    for folder in _tracked(list_runs(runs), "reading runs"):
        try:
            found.append(summarise(read_run(folder)))
        except RunError as error:
            # One damaged run must not hide the others.
            typer.echo(f"left out: {error}", err=True)
    if as_json:
        _print_json([summary.to_dict() for summary in found])
    elif found:
        console = _stdout()
        console.print(runs_table(found, width=console.width))
    else:
        typer.echo(f"{runs} holds no runs yet; start one with: distnet run JOB", err=True)


def show(run: Reference, runs: RunsFolder = RUNS, as_json: Json = False) -> None:
    """Show all of one run: results, epochs, attempts, checkpoints, what to do next."""
    from distnet.report.commands import commands
    from distnet.report.find import find_run
    from distnet.report.run import read_run
    from distnet.report.summary import attempt_rows, summarise
    from distnet.report.terminal import run_view

    found = read_run(find_run(run, runs))
    summary = summarise(found)
    if not as_json:
        _stdout().print(run_view(found, summary))
        return
    _print_json(
        {
            "summary": summary.to_dict(),
            "attempts": [dataclasses.asdict(row) for row in attempt_rows(found, summary)],
            "epochs": [epoch.model_dump() for epoch in found.history.epochs],
            "checkpoints": found.saved,
            "evaluation": found.evaluation and found.evaluation.to_dict(),
            "plan": found.plan,
            "environment": found.environment,
            "commands": [command for _, command in commands(found, summary)],
        }
    )


def report(run: Reference, runs: RunsFolder = RUNS, as_json: Json = False) -> None:
    """Draw the figures of a run and write its page, finished or not."""
    from distnet.report.find import find_run

    folder = find_run(run, runs)
    with _spinner(f"drawing {folder.path}"):
        from distnet.report.page import write_report

        page = write_report(folder)
    if as_json:
        figures = sorted(str(path) for path in folder.figures.glob("*.png"))
        _print_json({"run": folder.name, "report": str(page), "figures": figures})
    else:
        typer.echo(page)


def compare(
    run: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="Two or more runs.")],
    runs: RunsFolder = RUNS,
    html: Annotated[Path | None, typer.Option(help="Also write a page here.")] = None,
    png: Annotated[Path | None, typer.Option(help="Also draw the losses here.")] = None,
    as_json: Json = False,
) -> None:
    """Compare runs with the first: jobs, results, speed, weights."""
    from distnet.report.compare import compare_runs
    from distnet.report.find import find_run
    from distnet.report.run import read_run
    from distnet.report.terminal import comparison_view

    found = [read_run(find_run(reference, runs)) for reference in run]
    comparison = compare_runs(found)
    if html or png:
        with _spinner("drawing"):
            from distnet.report.overlay import write_comparison, write_overlay

            if html:
                write_comparison(html, found, comparison)
            if png:
                write_overlay(png, found, comparison)
    if as_json:
        _print_json(comparison.to_dict())
    else:
        _stdout().print(comparison_view(comparison))


def _tracked(items: list[Any], what: str) -> Any:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    return track(items, what, console=console, transient=True, disable=not console.is_terminal)


def _spinner(what: str) -> Any:
    from rich.console import Console

    return Console(stderr=True).status(what)


def _stdout() -> "Console":
    from rich.console import Console

    # A pipe has no width of its own: wide enough that no name is folded.
    return Console(width=None if sys.stdout.isatty() else 200)


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(_finite(value), ensure_ascii=False))


def _finite(value: Any) -> Any:
    """Write null for numbers that JSON does not know."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
