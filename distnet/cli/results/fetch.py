"""`distnet fetch`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from distnet.cli.connect import connect
from distnet.cli.lazy import imported
from distnet.cli.options import RUNS, AsJson, Context, Job, Runs, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.results.find import transfer
from distnet.client.choice import NONE
from distnet.client.find import Finder
from distnet.client.run_copy import checkpoints_in
from distnet.client.server_job import ServerJob
from distnet.report.best import store_of
from distnet.report.commands import commands
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.run_folder.paths import RunFolder
from distnet.spec.checkpoint_store import is_folder

Which = Annotated[
    str | None,
    typer.Option(
        "--checkpoint",
        metavar="WHICH",
        help="The checkpoints: newest, best, all, none, or a step. Default: the newest, and the "
        "best if the job keeps it.",
    ),
]
Draw = Annotated[bool, typer.Option("--report/--no-report", help="Draw the report at the end.")]


def fetch(
    job: Job,
    checkpoint: Which = None,
    draw: Draw = True,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Fetch the run of a server's job: records, checkpoints, own code, logs; draw its report.

    It comes to runs/JOB, finished or not, and all commands for runs take it from there. What has
    arrived stays when it is interrupted, and only what has changed is fetched again.
    """
    found = ServerJob.find(connect(server, context), job)
    seen = found.seen_here(found.copy(runs).listed())
    if seen is not None and seen.path.resolve() == (runs / job).resolve():
        say(f"{seen.path} is the run folder of {job} itself: there is nothing to fetch")
        folder, names = seen, checkpoints_in(seen)
    else:
        folder, names = _copied(found, runs, checkpoint)
    page: Path | None = imported("results.report:draw")(folder) if draw else None
    facts = _facts(found, folder, names, page)
    if as_json:
        print_json(facts)
    else:
        _show(facts)


def _copied(job: ServerJob, runs: Path, checkpoint: str | None) -> tuple[RunFolder, list[str]]:
    """Copy it, and say where the checkpoints are that do not come along."""
    copied = Finder(runs, say=say, transfer=transfer).copied(job, checkpoint)
    store = store_of(read_run(copied.folder))
    if copied.absent is not None:
        say(f"note: {copied.absent}")
    elif checkpoint != NONE and not is_folder(store):
        say(f"{job.name} keeps its checkpoints in {store}: commands here read them there")
    return copied.folder, copied.checkpoints


def _facts(
    job: ServerJob, folder: RunFolder, checkpoints: list[str], page: Path | None
) -> dict[str, Any]:
    run = read_run(folder)
    summary = summarise(run)
    return {
        "job": job.name,
        "server": job.client.target.server,
        "page": job.page,
        "state": job.details["job"]["state"],
        "step": summary.steps,
        "result": summary.result,
        "folder": str(folder.path),
        "checkpoints": checkpoints,
        "report": page and str(page),
        "commands": [command for _, command in commands(run, summary)],
    }


def _show(facts: dict[str, Any]) -> None:
    result = f": {facts['result']}" if facts["result"] else ""
    echo(f"{facts['folder']}: {facts['job']}, {facts['state']} at step {facts['step']:,}{result}")
    if facts["checkpoints"]:
        echo(f"checkpoints: {', '.join(facts['checkpoints'])}")
    if facts["report"]:
        echo(f"report: {facts['report']}")
    say(f"its page: {facts['page']}")
    for command in facts["commands"][:3]:
        say(f"next: {command}")
