"""`distnet stop` and `distnet resize`: of a run that a process here trains, or a server's job."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from distnet.cli.queue.connect import Context, Server, tell_silence, waiting
from distnet.cli.train.which import find_run_or_job
from distnet.run_folder.paths import RunFolder

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client

Reference = Annotated[
    str, typer.Argument(metavar="RUN|JOB", help="A run's name or folder, latest, or a job.")
]
Runs = Annotated[
    Path, typer.Option(envvar="DISTNET_RUNS", metavar="DIR", help="The folder of run folders.")
]
Timeout = Annotated[float, typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Ask, and return at once.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet stop digits-1")(stop)
    app.command(epilog="Example: distnet resize digits-1 --workers 3")(resize)


def stop(
    run: Reference,
    runs: Runs = Path("runs"),
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Have a run finish its step, save and end; no step is lost.

    It is the run in runs/ that a process trains, else (or with --server, --context) a server's job.
    """
    found = find_run_or_job(run, runs, server, context)
    if isinstance(found, RunFolder):
        _stop_run(found, None if no_wait else timeout, as_json)
    else:
        _stop_job(found, run, None if no_wait else timeout, as_json)


def resize(
    run: Reference,
    workers: Annotated[int, typer.Option(min=1, help="The workers it shall have.")],
    runs: Runs = Path("runs"),
    timeout: Timeout = 300.0,
    no_wait: NoWait = False,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Give a run another number of workers while it trains; no step is lost, no bit changes.

    It is the run in runs/ that a process trains, else (or with --server, --context) a server's job.
    """
    found = find_run_or_job(run, runs, server, context)
    if isinstance(found, RunFolder):
        _resize_run(found, workers, None if no_wait else timeout, as_json)
    else:
        _resize_job(found, run, workers, None if no_wait else timeout, as_json)


def _stop_run(folder: RunFolder, wait_s: float | None, as_json: bool) -> None:
    from distnet.run_folder.control import stop as ask

    with waiting(f"waiting for {folder.path} to save and end", is_quiet=wait_s is None):
        ended = ask(folder, wait_s=wait_s)
    if as_json:
        print(json.dumps(ended))
    elif wait_s is None:
        print(f"{folder.path} (a run here) was asked to stop")
    else:
        print(f"{folder.path} (a run here) {ended['status']} after step {ended['step']}")
        if ended["status"] != "finished":
            print(f"go on with: distnet run --resume {folder.path}")


def _resize_run(folder: RunFolder, workers: int, wait_s: float | None, as_json: bool) -> None:
    from distnet.run_folder.control import resize as ask

    with waiting(f"waiting for {folder.path} to change its workers", is_quiet=wait_s is None):
        changed = ask(folder, workers, wait_s=wait_s)
    if as_json:
        print(json.dumps(changed))
    elif wait_s is None:
        print(f"{folder.path} (a run here) was asked to go on with {_workers(workers)}")
    else:
        now = f"{_workers(changed['workers'])} from step {changed['step']}"
        print(f"{folder.path} (a run here) goes on with {now}")


def _stop_job(client: "Client", job: str, wait_s: float | None, as_json: bool) -> None:
    from distnet.client.follow import has_nothing_left

    answer = client.steer(job, "stop")
    if wait_s is None:
        _tell_asked(client, answer, "stop", as_json)
        return
    details = _until(client, job, has_nothing_left, wait_s, "save and end")
    ended = details["job"]
    if as_json:
        print(json.dumps(ended | {"num_live_attempts": 0}))
        return
    last = max(details["attempts"], key=lambda attempt: attempt["number"], default=None)
    step = f" after step {last['step']}" if last and last["step"] is not None else ""
    proof = "no attempt was made" if last is None else "none of its attempts lives"
    print(f"{job} (on {client.target.server}) {ended['state']}{step}; {proof}")
    if ended["state"] == "stopped":
        print(f"go on with: distnet retry {job}")


def _resize_job(
    client: "Client", job: str, workers: int, wait_s: float | None, as_json: bool
) -> None:
    from distnet.client.follow import has_ended, is_waiting

    answer = client.resize(job, workers)
    what = f"go on with {_workers(workers)}"
    if wait_s is None or is_waiting(answer):
        _tell_asked(client, answer, what, as_json)
        return

    def is_done(details: "Answer") -> bool:
        return has_ended(details) or _has(details["job"], workers)

    now = _until(client, job, is_done, wait_s, what)["job"]
    if as_json:
        print(json.dumps(now))
    elif _has(now, workers):
        print(f"{job} (on {client.target.server}) goes on with {_workers(workers)}")
    else:
        print(f"{job} (on {client.target.server}) is {now['state']}: it needs no workers any more")


def _has(job: "Answer", workers: int) -> bool:
    """Whether so many workers train, and nothing else is wanted of it."""
    return bool(job["state"] == "running" and job["wanted"] is None and job["workers"] == workers)


def _workers(count: object) -> str:
    return f"{count} worker{'' if count == 1 else 's'}"


def _until(client: "Client", job: str, is_so: Any, wait_s: float, what: str) -> "Answer":
    from distnet.cli.queue.jobs import described
    from distnet.client.follow import until
    from distnet.errors import DistnetError

    with waiting(f"waiting for {job} on {client.target.server} to {what}") as status:
        try:
            return until(
                client.patient(),
                job,
                is_so,
                timeout_s=wait_s,
                see=lambda now: status.update(described(now)),
                lost=tell_silence,
            )
        except TimeoutError as error:
            raise DistnetError(f"{error}; it was asked to {what}: distnet why {job}") from None


def _tell_asked(client: "Client", answer: "Answer", what: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps(answer))
    else:
        name, has = f"{answer['name']} (on {client.target.server})", answer["workers"]
        now = answer["state"] if has is None else f"{answer['state']} with {_workers(has)}"
        print(f"{name} was asked to {what}; it is {now}")
