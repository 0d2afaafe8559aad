"""`distnet resize`: a run that is training here, or a server's job."""

from typing import Annotated

import typer

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Context, NoWait, RunOrJob, Runs, Server, Timeout
from distnet.cli.output import echo, print_json
from distnet.cli.train.job_control import print_requested, wait_for
from distnet.cli.train.run_or_job import find_run_or_job
from distnet.client.client import Client, Json
from distnet.client.follow import has_ended, is_waiting
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder
from distnet.spec.plural import counted


def resize(
    run: RunOrJob,
    workers: Annotated[int, typer.Option(min=1, help="The new number of workers.")],
    runs: Runs = RUNS,
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Change the number of workers of a run or job while it trains.

    No step is lost and no bit of the weights changes. RUN|JOB is the run in runs/ that is training
    here; otherwise, or with --server or --context, a server's job.
    """
    found = find_run_or_job(run, runs, server, context)
    wait_s = None if no_wait else timeout
    if isinstance(found, RunFolder):
        _resize_run(found, workers, wait_s, as_json=as_json)
    else:
        _resize_job(found, run, workers, wait_s, as_json=as_json)


def _resize_run(folder: RunFolder, workers: int, wait_s: float | None, *, as_json: bool) -> None:
    with spinner(f"waiting for {folder.path} to restart", is_quiet=wait_s is None):
        changed = control.resize(folder, workers, wait_s=wait_s)
    if as_json:
        print_json(changed)
    elif wait_s is None:
        wanted = counted(workers, "worker")
        echo(f"{folder.path} (a run here): requested to continue on {wanted}")
    else:
        now = counted(workers, "worker")
        echo(f"{folder.path} (a run here) continues on {now} from step {changed['step']}")


def _resize_job(
    client: Client, job: str, workers: int, wait_s: float | None, *, as_json: bool
) -> None:
    reply = client.resize(job, workers)
    action = f"continue on {counted(workers, 'worker')}"
    if wait_s is None or is_waiting(reply):
        print_requested(client, reply, action, as_json=as_json)
        return

    def is_done(details: Json) -> bool:
        return has_ended(details) or _runs_on(details["job"], workers)

    now = wait_for(client, job, is_done, wait_s, action)["job"]
    if as_json:
        print_json(now)
    elif _runs_on(now, workers):
        echo(f"{job} (on {client.target.server}) continues on {counted(workers, 'worker')}")
    else:
        echo(f"{job} (on {client.target.server}) is {now['state']}; it was not resized")


def _runs_on(job: Json, workers: int) -> bool:
    """Whether it trains on this many workers, and no other number is requested."""
    return bool(job["state"] == "running" and job["wanted"] is None and job["workers"] == workers)
