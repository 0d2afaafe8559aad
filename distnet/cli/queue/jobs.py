"""Steering a server's jobs: cancel, hold, release, retry, priority, wait."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from distnet.cli.queue.connect import (
    AsJson,
    Context,
    JobName,
    JobNames,
    Server,
    connect,
    one_line,
    print_json,
    say,
    tell_silence,
    waiting,
)
from distnet.errors import DistnetError

if TYPE_CHECKING:
    from distnet.client.client import Answer, Client

FAILED = 3
STOPPED = 130

Priority = Annotated[
    int, typer.Argument(metavar="N", min=-1000, max=1000, help="A larger one starts first.")
]
Timeout = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Wait no longer than this.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(epilog="Example: distnet cancel digits-7 digits-8")(cancel)
    app.command(epilog="Example: distnet hold digits-7")(hold)
    app.command(epilog="Example: distnet release digits-7")(release)
    app.command(epilog="Example: distnet retry digits-7")(retry)
    app.command(
        epilog="Example: distnet priority digits-7 100",
        context_settings={"ignore_unknown_options": True},  # -5 is a number, not an option
    )(priority)
    app.command(epilog="Example: distnet wait digits-7 && distnet export digits-7")(wait)


def cancel(
    jobs: JobNames, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Want nothing more of jobs: what waits leaves the queue, what trains saves and ends."""
    _steer("cancel", jobs, server, context, as_json)


def hold(
    jobs: JobNames, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Have jobs wait until they are released; what trains saves and ends first."""
    _steer("hold", jobs, server, context, as_json)


def release(
    jobs: JobNames, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Let held jobs start again."""
    _steer("release", jobs, server, context, as_json)


def retry(
    jobs: JobNames, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Queue jobs that have failed, or were stopped, again; they go on from their checkpoint."""
    _steer("retry", jobs, server, context, as_json)


def priority(
    job: JobName,
    number: Priority,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Give a job another priority."""
    answer = connect(server, context).set_priority(job, number)
    if as_json:
        print_json(answer)
    else:
        typer.echo(f"{job} has priority {answer['priority']}")


def wait(
    jobs: JobNames,
    timeout: Timeout = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Wait for jobs to end; exit code 0: all finished, 3: one failed, 130: one was stopped."""
    client = connect(server, context).patient()
    try:
        ended = [_wait(client, name, timeout, as_json) for name in jobs]
    except KeyboardInterrupt:
        say(f"\nthis stops no job; wait again with: distnet wait {' '.join(jobs)}")
        raise
    if as_json:
        print_json(ended)
    raise typer.Exit(max((exit_code(job) for job in ended), key=_gravity))


def exit_code(job: "Answer") -> int:
    """0 for a job that finished, 3 for one that failed, 130 for one that was stopped."""
    return {"finished": 0, "failed": FAILED}.get(job["state"], STOPPED)


def described(job: "Answer") -> str:
    """Say in one line where a job is, and why."""
    reason = one_line(job["error"] or job["reason"])
    return f"{job['name']} is {job['state']}{f': {reason}' if reason else ''}"


def _wait(client: "Client", name: str, timeout: float | None, as_json: bool) -> "Answer":
    from distnet.client.follow import has_ended, until

    with waiting(f"waiting for {name}"):
        try:
            details = until(client, name, has_ended, timeout_s=timeout, lost=tell_silence)
        except TimeoutError as error:
            raise DistnetError(f"{error}; look with: distnet why {name}") from None
    job: Answer = details["job"]
    if not as_json:
        typer.echo(described(job))
    return job


def _gravity(code: int) -> int:
    return (0, STOPPED, FAILED).index(code)


def _steer(
    verb: str, jobs: list[str], server: str | None, context: str | None, as_json: bool
) -> None:
    """Steer each job; one that refuses does not keep the others from it."""
    client = connect(server, context)
    answers, faults = _each(lambda name: client.steer(name, verb), jobs)
    if not as_json:
        for answer in answers:
            typer.echo(described(answer))
    elif not faults:
        print_json(answers)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise DistnetError("\n".join(map(str, faults)))


def _each(
    steer: "Callable[[str], Answer]", jobs: list[str]
) -> "tuple[list[Answer], list[DistnetError]]":
    answers, faults = [], []
    for name in dict.fromkeys(jobs):
        try:
            answers.append(steer(name))
        except DistnetError as error:
            faults.append(error)
    return answers, faults
