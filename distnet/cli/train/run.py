"""`distnet run`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import psutil
import typer
from rich.text import Text

from distnet.cli.console import LiteralConsole, stderr_console
from distnet.cli.exit_codes import STOPPED
from distnet.cli.lazy import imported
from distnet.cli.options import (
    RUNS,
    AsJson,
    Folds,
    Inline,
    Runs,
    Sets,
    StopEarly,
    Sweep,
    Workers,
)
from distnet.cli.output import print_json
from distnet.cli.train.noticed import Notify, noticed
from distnet.cli.train.progress import display_on
from distnet.errors import DistnetError, JobFileError, RunError
from distnet.report.find import find_run
from distnet.report.live.progress import RunProgress
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.report.text import duration
from distnet.spec.plural import counted
from distnet.spec.printable import argument
from distnet.spec.read import read_job
from distnet.spec.sweep import expand, folds_setting, naming_sweep, require_no_folds
from distnet.spec.variables import values_of
from distnet.sweeps.find import holds_sweep
from distnet.train.device.portable import fix_instruction_set

if TYPE_CHECKING:
    from distnet.notebook.page import Report
    from distnet.notebook.run import Run


Job = Annotated[Path | None, typer.Argument(metavar="JOB", help="The job file.")]
Name = Annotated[str | None, typer.Option(help="Name of the run. Default: JOB-N.")]
Resume = Annotated[
    str | None, typer.Option(metavar="RUN", help="Resume this run or sweep, by name or folder.")
]
NewCode = Annotated[
    bool,
    typer.Option(
        "--new-code", help="With --resume: adopt the code that is beside the job file now."
    ),
]
StartFrom = Annotated[
    str | None, typer.Option(metavar="RUN", help="Start from the newest weights of this run.")
]
Address = Annotated[
    str | None, typer.Option(help="A Ray cluster to run on. Default: start one here.")
]
Draw = Annotated[bool, typer.Option("--report/--no-report", help="Write the report at the end.")]


def run(
    job: Job = None,
    workers: Workers = None,
    inline: Inline = False,
    sets: Sets = [],  # noqa: B006 - typer copies it
    name: Name = None,
    runs: Runs = RUNS,
    resume: Resume = None,
    sweep: Sweep = [],  # noqa: B006
    folds: Folds = None,
    stop_early: StopEarly = False,
    new_code: NewCode = False,
    start_from: StartFrom = None,
    address: Address = None,
    draw: Draw = True,
    notify: Notify = None,
    as_json: AsJson = False,
) -> None:
    """Train a job to the end and leave a run folder with a report.

    Ctrl-C finishes the step, saves a checkpoint and ends; a second Ctrl-C ends at once. With
    --sweep one run for each combination of values is trained, and they are ranked.
    """
    started = psutil.Process(os.getpid()).create_time()
    _check_options(job, resume, start_from, new_code=new_code)
    options: dict[str, Any] = {"workers": workers, "inline": inline, "overrides": tuple(sets)}
    options["address"] = address
    start = start_from and find_run(start_from, runs).path
    if sweep or folds or (resume is not None and holds_sweep(resume, runs)):
        settings = [*sweep, *([folds_setting(folds)] if folds else [])]
        options |= {"name": name, "start_from": start, "stop_early": stop_early}
        _check_sweep(job, settings, options, new_code=new_code)
        train = imported("sweeps.train:train")
        with noticed(f"distnet run {job or resume}", notify):
            train(job, settings, resume, runs, draw=draw, as_json=as_json, **options)
        return
    if stop_early:
        raise RunError("--stop-early: expected --sweep with it; one run has no others to compare")
    options["process_started"] = started
    if job is None:
        options["new_code"] = new_code
    else:
        options |= {"name": name, "runs": runs, "start_from": start}
    folder = None if resume is None else find_run(resume, runs).path
    with noticed(f"distnet run {job or resume}", notify) as lines:
        lines.extend(_run(job, folder, options, draw=draw, as_json=as_json))


def _run(
    job: Path | None, folder: Path | None, options: dict[str, Any], *, draw: bool, as_json: bool
) -> list[str]:
    """Train one run, and show its end; what a notice of it says.

    Raises:
        typer.Exit: it was stopped.
    """
    console = stderr_console()
    with RunProgress(display_on(console)) as progress:
        ended = _train(job, folder, options | {"listener": progress})
    page = _report(console, ended) if draw else None
    if as_json:
        print_json(ended.result)
    else:
        _show_end(console, ended, progress.figures, page)
    if ended.status == "stopped":
        raise typer.Exit(STOPPED)
    summary = summarise(read_run(ended.folder))
    steps = f"{counted(summary.steps, 'step')} in {duration(summary.seconds)} of training"
    result = f"{summary.name}: {summary.result or progress.figures}"
    return [result, steps, *([f"report: {page}"] if page is not None else [])]


def _check_options(
    job: Path | None, resume: str | None, start_from: str | None, *, new_code: bool
) -> None:
    if (job is None) == (resume is None):
        raise RunError(
            f"found {'both' if job else 'neither'} of JOB and --resume RUN, expected one of them; "
            "example: distnet run jobs/digits.yaml"
        )
    if new_code and resume is None:
        raise RunError("--new-code: expected --resume RUN with it; a new run uses the new code")
    if start_from is not None and resume is not None:
        raise RunError("--start-from: found --resume beside it, expected one of them")


def _check_sweep(
    job: Path | None, settings: list[str], options: dict[str, Any], *, new_code: bool
) -> None:
    """Refuse what a sweep cannot have, before torch is imported."""
    if job is not None:
        require_no_folds(settings, stop_early=options["stop_early"])
        _read_first(job, settings, options)
        return
    given = {"--sweep or --folds": settings, "--set": options["overrides"]}
    given |= {"--name": options["name"], "--new-code": new_code}
    given["--stop-early"] = options["stop_early"]
    wrong = [option for option, value in given.items() if value]
    if wrong:
        raise RunError(
            f"{' and '.join(wrong)}: found --resume with a sweep beside it, whose trials are set; "
            "start a new sweep instead"
        )


def _read_first(job: Path, settings: list[str], options: dict[str, Any]) -> None:
    """Read the job file of the first trial: most mistakes are those of all trials."""
    [first, *_] = expand(settings)
    try:
        _read(job, (*options["overrides"], *first), inline=options["inline"])
    except JobFileError as error:
        raise JobFileError(naming_sweep(str(error), first)) from None


def _read(job: Path, overrides: Sequence[str], *, inline: bool) -> None:
    file = read_job(job, overrides=overrides)
    if inline:  # before torch reads the environment
        os.environ.update(values_of(file.job.env, os.environ))
        fix_instruction_set(file.job)


def _train(job: Path | None, folder: Path | None, options: dict[str, Any]) -> "Run":
    """Start a job, or resume the run in a folder."""
    if job is not None:
        _read(job, options["overrides"], inline=options["inline"])
    # torch takes seconds to import: a mistake in the job file or a wrong name is reported first.
    from distnet.launch import run as launch

    if job is not None:
        return launch.run(job, **options)
    assert folder is not None
    return launch.resume(folder, **options)


def _report(console: LiteralConsole, run: "Run") -> "Report | None":
    """Write the report; training has succeeded whether or not this does."""
    try:
        return run.report()
    except DistnetError as error:
        console.print(f"the report could not be written: {error}", soft_wrap=True)
    except KeyboardInterrupt:
        again = f"distnet report {argument(run.folder.path)}"
        console.print(f"interrupted: no report is written; to write it: {again}", soft_wrap=True)
    return None


def _show_end(console: LiteralConsole, run: "Run", figures: str, page: "Report | None") -> None:
    result, summary = run.result, summarise(read_run(run.folder))
    speed = result["samples_per_second"]
    facts = [
        f"{counted(result['steps'], 'step')} in {duration(summary.seconds)} of training",
        counted(result["workers"], "worker"),
        *([f"{speed:,.0f} samples/s"] if speed else []),
        f"weights {result['weights_sha256'][:12]}",
    ]
    head = (f"{result['run']} {run.status}", "bold")
    console.print(Text.assemble(head, "  ", f"{figures}{summary.beside}"), soft_wrap=True)
    console.print("  ".join(facts), soft_wrap=True)
    for note in result["notes"]:
        console.print(f"note: {note}", soft_wrap=True)
    if summary.better is not None:
        console.print(f"{summary.better.text}; {summary.better.remedy}", soft_wrap=True)
    if page is not None:
        console.print(f"report: {page}", soft_wrap=True)
    if run.status == "stopped":
        folder = argument(run.folder.path)
        console.print(f"resume with: distnet run --resume {folder}", soft_wrap=True)
