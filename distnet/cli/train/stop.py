"""`distnet stop`: a run that is training here, or a server's job."""

from distnet.cli.console import spinner
from distnet.cli.options import RUNS, AsJson, Context, NoWait, RunOrJob, Runs, Server, Timeout
from distnet.cli.output import echo, print_json
from distnet.cli.train.job_control import print_requested, wait_for
from distnet.cli.train.run_or_job import find_run_or_job
from distnet.client.client import Client, Json
from distnet.client.follow import has_nothing_left
from distnet.errors import RunError
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder, shown
from distnet.run_folder.requests import request_stop
from distnet.spec.printable import argument
from distnet.sweeps.find import find_sweep, holds_sweep
from distnet.sweeps.record import SweepFolder


def stop(
    run: RunOrJob,
    runs: Runs = RUNS,
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Stop a run or job: it finishes its step, saves a checkpoint and ends.

    No step is lost. RUN|JOB is the run or sweep in runs/ that is training here; otherwise, or with
    --server or --context, a server's job.
    """
    wait_s = None if no_wait else timeout
    if server is None and context is None and holds_sweep(run, runs):
        _stop_sweep(find_sweep(run, runs), wait_s, as_json=as_json)
        return
    found = find_run_or_job(run, runs, server, context)
    if isinstance(found, RunFolder):
        _stop_run(found, wait_s, as_json=as_json)
    else:
        _stop_job(found, run, wait_s, as_json=as_json)


def _stop_run(folder: RunFolder, wait_s: float | None, *, as_json: bool) -> None:
    with spinner(f"waiting for {folder.path} to save and end", is_quiet=wait_s is None):
        ended = control.stop(folder, wait_s=wait_s)
    if as_json:
        print_json(ended)
    elif wait_s is None:
        echo(f"{folder.path} (a run here): requested to stop")
    else:
        echo(f"{folder.path} (a run here) {ended['status']} after step {ended['step']}")
        if ended["status"] != "finished":
            echo(f"resume with: distnet run --resume {argument(folder.path)}")


def _stop_sweep(sweep: SweepFolder, wait_s: float | None, *, as_json: bool) -> None:
    trial, folder = sweep.running, argument(shown(sweep.path.resolve()))
    if trial is None:
        raise RunError(
            f"{sweep.path}: no process trains this sweep; resume it with: "
            f"distnet run --resume {folder}"
        )
    request_stop(RunFolder(sweep.path))
    with spinner(f"waiting for {trial.path} to save and end", is_quiet=wait_s is None):
        ended = control.stop(trial, wait_s=wait_s)
    if as_json:
        print_json({"sweep": sweep.name, **ended})
        return
    state = (
        "requested to stop" if wait_s is None else f"{ended['status']} at step {ended['step']:,}"
    )
    echo(f"{trial.path} (a run of the sweep {sweep.name}) {state}")
    echo(f"resume the sweep with: distnet run --resume {folder}")


def _stop_job(client: Client, job: str, wait_s: float | None, *, as_json: bool) -> None:
    reply = client.control(job, "stop")
    if wait_s is None:
        print_requested(client, reply, "stop", as_json=as_json)
        return
    details = wait_for(client, job, has_nothing_left, wait_s, "stop")
    if as_json:
        print_json(details["job"] | {"num_live_attempts": 0})
    else:
        _show_end(client, details)


def _show_end(client: Client, details: Json) -> None:
    job = details["job"]
    last = max(details["attempts"], key=lambda attempt: attempt["number"], default=None)
    step = f" after step {last['step']}" if last and last["step"] is not None else ""
    attempts = "it had no attempt" if last is None else "no attempt is running"
    echo(f"{job['name']} (on {client.target.server}) {job['state']}{step}; {attempts}")
    if job["state"] == "stopped":
        echo(f"resume with: distnet retry {job['name']}")
