"""`distnet chaos`: train a job while its processes are killed, and compare the weights."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from distnet.chaos.campaign import run_trials
from distnet.chaos.faults import read_kinds
from distnet.chaos.request import Request, make_request
from distnet.chaos.results import Results
from distnet.cli.console import LiteralStatus, stderr_console
from distnet.cli.exit_codes import FAILED, STOPPED
from distnet.cli.options import AsJson, JobFile, Sets, Workers
from distnet.cli.output import print_json
from distnet.cli.train.chaos_tables import news, show_results

EVERYTHING = "worker,controller,driver,raylet"


def chaos(
    job: JobFile,
    kill: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="What to kill, in turn: worker (worker0,other), controller, driver, raylet; "
            "also stop (a worker hangs) and plan (a planned stop).",
        ),
    ] = EVERYTHING,
    trials: Annotated[int, typer.Option(min=1, max=10_000, help="Number of runs with faults.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the faults.")] = 0,
    faults: Annotated[int, typer.Option(min=1, max=100, help="Faults per run.")] = 1,
    workers: Workers = None,
    sets: Sets = [],  # noqa: B006 - typer copies it
    runs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="The folder of the runs; one with the same request is continued. "
            "Default: a new folder under runs.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a job repeatedly while its processes are killed, and compare the weights.

    The job first runs without faults. Every run with faults must end with the same weights and
    leave no process or file behind. Run folders and chaos.json are kept, but not the checkpoints of
    runs that passed. Only processes that this command has started are killed.
    """
    request = make_request(
        job,
        kinds=read_kinds(kill),
        trials=trials,
        faults=faults,
        seed=seed,
        workers=workers,
        overrides=tuple(sets),
    )
    results, is_interrupted = _run(request, runs)
    if as_json:
        print_json(results.to_dict() | {"is_interrupted": is_interrupted})
    else:
        show_results(results)
    if is_interrupted:
        raise typer.Exit(STOPPED)
    if not results.is_passed:
        raise typer.Exit(FAILED)


def _run(request: Request, runs: Path | None) -> tuple[Results, bool]:
    """Run them all; returns the results, and whether they were interrupted."""
    console = stderr_console()
    results: Results | None = None
    try:
        with LiteralStatus("starting", console) as status:
            for results in run_trials(request, runs, status.update):
                console.print(news(results), soft_wrap=True)
    except KeyboardInterrupt:
        if results is None or results.undisturbed is None:
            raise
        console.print(_how_to_continue(results), soft_wrap=True)
        return results, True
    assert results is not None
    return results, False


def _how_to_continue(results: Results) -> str:
    request = results.request
    command = ["distnet", "chaos", request.job, "--kill", ",".join(request.kinds)]
    command += ["--trials", str(request.trials), "--seed", str(request.seed)]
    command += ["--faults", str(request.faults)] if request.faults > 1 else []
    command += [] if request.workers is None else ["--workers", str(request.workers)]
    command += [word for override in request.overrides for word in ("--set", override)]
    return f"continue with: {shlex.join([*command, '--runs', results.folder])}"
