"""`distnet chaos`: a job under faults, and the table of how it came through."""

import contextlib
import json
import shlex
import signal
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.train.run import INTERRUPTED, AsJson, JobPath, Sets, Workers
from distnet.errors import TrainingError

if TYPE_CHECKING:
    from rich.console import Console

    from distnet.chaos.request import Request
    from distnet.chaos.results import Results

EVERYTHING = "worker,controller,driver,raylet"


def register(app: typer.Typer) -> None:
    """Add the command."""
    example = "Example: distnet chaos jobs/digits.yaml --kill worker,driver --trials 6 --seed 7"
    app.command(epilog=example)(chaos)


def chaos(
    job: JobPath,
    kill: Annotated[
        str,
        typer.Option(
            metavar="KINDS",
            help="What is hit, in turn: worker (worker0,other), controller, driver, raylet; "
            "also stop (a worker that hangs) and plan (a planned stop).",
        ),
    ] = EVERYTHING,
    trials: Annotated[int, typer.Option(min=1, max=10_000, help="Runs under faults.")] = 6,
    seed: Annotated[int, typer.Option(min=0, help="Draws the faults.")] = 0,
    faults: Annotated[int, typer.Option(min=1, max=100, help="Faults in each trial.")] = 1,
    workers: Workers = None,
    sets: Sets = [],  # noqa: B006 - typer copies it
    runs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where the runs go; a folder of the same trials is gone on with. "
            "Default: a new one under runs.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a job undisturbed, then again and again while real processes of it are killed.

    Every trial has to end with the weights of the undisturbed run and leave nothing behind.
    Run folders and chaos.json are kept, without the checkpoints of trials that passed. Only
    processes that this command started are hit.
    """
    from distnet.chaos.faults import read_kinds
    from distnet.chaos.request import make_request

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
        print(json.dumps(results.to_dict() | {"is_interrupted": is_interrupted}))
    else:
        from distnet.cli.train.chaos_tables import show_results

        show_results(results)
    if is_interrupted:
        raise typer.Exit(INTERRUPTED)
    if not results.is_passed:
        raise typer.Exit(TrainingError.exit_code)


def _run(request: "Request", runs: Path | None) -> "tuple[Results, bool]":
    """Make the trials; returns what is known, and whether somebody has interrupted them."""
    from rich.console import Console

    from distnet.chaos.campaign import run_trials

    console = Console(stderr=True)
    results: Results | None = None
    try:
        with _sigterm_as_ctrl_c(), console.status("starting") as status:
            for results in run_trials(request, runs, status.update):
                _tell_news(console, results)
    except KeyboardInterrupt:
        if results is None or results.undisturbed is None:
            raise
        console.print(_how_to_go_on(results), highlight=False, markup=False, soft_wrap=True)
        return results, True
    assert results is not None
    return results, False


def _tell_news(console: "Console", results: "Results") -> None:
    from distnet.cli.train.chaos_tables import news

    console.print(news(results), highlight=False, soft_wrap=True)


def _how_to_go_on(results: "Results") -> str:
    request = results.request
    command = ["distnet", "chaos", request.job, "--kill", ",".join(request.kinds)]
    command += ["--trials", str(request.trials), "--seed", str(request.seed)]
    command += ["--faults", str(request.faults)] if request.faults > 1 else []
    command += [] if request.workers is None else ["--workers", str(request.workers)]
    command += [word for override in request.overrides for word in ("--set", override)]
    return f"go on with: {shlex.join([*command, '--runs', results.folder])}"


@contextlib.contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Have SIGTERM clean up as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
