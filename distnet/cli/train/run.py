"""`distnet run` and `distnet check`."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.errors import DistnetError, RunError

if TYPE_CHECKING:
    from rich.console import Console

    from distnet.cli.train.progress import RunProgress
    from distnet.launch.run import Run

JobPath = Annotated[Path, typer.Argument(metavar="JOB", help="The job file.")]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="Change a key, as in train.epochs=3."),
]
Workers = Annotated[int | None, typer.Option(min=1, help="Workers, instead of resources.workers.")]
Inline = Annotated[bool, typer.Option("--inline", help="Train in this process, without Ray.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Runs = Annotated[
    Path, typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders.")
]


INTERRUPTED = 130  # so that what follows in a script does not take a stopped run for a finished one


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet run jobs/digits.yaml --workers 2")(run)
    app.command(epilog="Example: distnet check jobs/digits.yaml --set train.epochs=3")(check)


def run(
    job: Annotated[Path | None, typer.Argument(metavar="[JOB]", help="The job file.")] = None,
    workers: Workers = None,
    inline: Inline = False,
    sets: Sets = [],  # noqa: B006 - typer copies it
    name: Annotated[str | None, typer.Option(help="The run's name; default: JOB-N.")] = None,
    runs: Runs = Path("runs"),
    resume: Annotated[
        str | None, typer.Option(metavar="RUN", help="Go on with this run, by name or folder.")
    ] = None,
    address: Annotated[
        str | None, typer.Option(help="A Ray cluster to run on; default: start one here.")
    ] = None,
    draw: Annotated[
        bool, typer.Option("--report/--no-report", help="Draw the report at the end.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Train a job to the end, with live progress, and leave a run folder with a report.

    Ctrl-C once finishes the step, saves and ends; twice ends at once.
    """
    started = _process_started()
    if (job is None) == (resume is None):
        raise RunError(
            "give a job file to train it, or --resume RUN to go on with a run "
            f"({'both' if job else 'neither'} given); example: distnet run jobs/digits.yaml"
        )
    options: dict[str, Any] = {"workers": workers, "inline": inline, "overrides": tuple(sets)}
    options |= {"address": address, "process_started": started}
    if job is not None:
        _run(lambda listener: _new(job, name, runs, listener, options), draw, as_json)
    else:
        assert resume is not None
        folder = _find(resume, runs)
        _run(lambda listener: _old(folder, listener, options), draw, as_json)


def check(
    job: JobPath,
    workers: Workers = None,
    inline: Inline = False,
    sets: Sets = [],  # noqa: B006 - typer copies it
    as_json: AsJson = False,
) -> None:
    """Validate a job file and print the plan, without training."""
    from distnet.spec.read import read_job

    file = read_job(job, overrides=sets)  # before torch is imported: faults come at once
    from distnet.launch.plan import make_plan

    plan = make_plan(file, workers=workers, inline=inline).to_dict()
    if as_json:
        print(json.dumps(plan))
        return
    from distnet.cli.train.plan_table import show_plan

    show_plan(plan)


def _run(train: "Callable[[RunProgress], Run]", draw: bool, as_json: bool) -> None:
    from rich.console import Console

    from distnet.cli.train.progress import RunProgress

    console = Console(stderr=True)
    with RunProgress(console) as progress:
        run = train(progress)
    page = _report(console, run) if draw else None
    if as_json:
        print(json.dumps(run.result))
    else:
        _show_end(console, run, page)
    if run.status == "stopped":
        raise typer.Exit(INTERRUPTED)


def _report(console: "Console", run: "Run") -> Path | None:
    """Draw the report; what was trained does not depend on it."""
    try:
        return run.report()
    except DistnetError as error:
        console.print(f"the report could not be drawn: {error}", highlight=False, markup=False)
        return None


def _new(
    job: Path, name: str | None, runs: Path, listener: "RunProgress", options: dict[str, Any]
) -> "Run":
    from distnet.spec.read import read_job

    read_job(job, overrides=options["overrides"])  # before torch is imported: faults come at once
    from distnet.launch import run as launch

    return launch.run(job, name=name, runs=runs, listener=listener, **options)


def _old(folder: Path, listener: "RunProgress", options: dict[str, Any]) -> "Run":
    from distnet.launch import run as launch

    return launch.resume(folder, listener=listener, **options)


def _find(name: str, runs: Path) -> Path:
    from distnet.report.find import find_run

    return find_run(name, runs).path


def _show_end(console: "Console", run: "Run", page: Path | None) -> None:
    from distnet.cli.train.progress import describe

    result = run.result
    speed = result["samples_per_second"]
    facts = [
        f"{result['steps']:,} steps in {result['seconds']:.1f} s",
        f"{result['workers']} worker{'s' * (result['workers'] > 1)}",
        *([f"{speed:,.0f} samples/s"] if speed else []),
        f"weights {result['weights_sha256'][:12]}",
    ]
    figures = {key.split("_", 1)[1]: value for key, value in run.metrics.items()}
    console.print(f"[bold]{result['run']} {run.status}[/]  {describe(figures)}", highlight=False)
    console.print("  ".join(facts), highlight=False)
    if page is not None:
        console.print(f"report: {page}", highlight=False, soft_wrap=True)
    if run.status == "stopped":
        console.print(
            f"go on with: distnet run --resume {run.folder.path}", highlight=False, soft_wrap=True
        )


def _process_started() -> float:
    """Unix time at which this process began."""
    import psutil

    return float(psutil.Process(os.getpid()).create_time())
