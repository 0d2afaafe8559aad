"""`distnet stacks`: of a run that is training here, or of a server's job."""

from typing import Annotated

import typer

from distnet.cli.options import RUNS, AsJson, Context, RunOrJob, Runs, Server
from distnet.cli.output import print_json, write_log
from distnet.cli.queue.node_commands import follow_command
from distnet.cli.train.run_or_job import find_run_or_job
from distnet.errors import RunError
from distnet.launch.stacks import live_workers, read_stacks, signal_worker
from distnet.run_folder.lock import is_held
from distnet.run_folder.paths import RunFolder

Rank = Annotated[int | None, typer.Option(min=0, metavar="N", help="Only of worker N.")]


def stacks(
    run: RunOrJob,
    rank: Rank = None,
    runs: Runs = RUNS,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Print what every thread of the workers of a run or job is doing now.

    Training continues. RUN|JOB is the run in runs/ that is training here; otherwise, or with
    --server or --context, a server's job.
    """
    found = find_run_or_job(run, runs, server, context)
    if isinstance(found, RunFolder):
        _of_run(found, rank, as_json=as_json)
    else:
        stream = found.stacks(run, rank=rank)["stream"]
        raise typer.Exit(follow_command(found.patient(), run, stream, as_json=as_json))


def _of_run(folder: RunFolder, rank: int | None, *, as_json: bool) -> None:
    beats = [beat for beat in live_workers(folder) if rank is None or beat.rank == rank]
    if not is_held(folder) or not beats:
        which = "workers" if rank is None else f"worker {rank}"
        raise RunError(f"{folder.path}: found no {which} of this run, expected one that trains")
    found = read_stacks(folder, beats, lambda beat: signal_worker(folder, beat))
    if as_json:
        workers = [
            {"rank": beat.rank, "process": beat.process, "stacks": found[beat.rank]}
            for beat in beats
        ]
        print_json({"run": folder.name, "workers": workers})
        return
    for beat in beats:
        head = f"worker {beat.rank}, process {beat.process}, after step {beat.step:,}"
        write_log(f"{head}\n{found[beat.rank]}\n\n")
