"""Control a server's jobs: cancel, hold, release, retry, priority."""

from collections.abc import Callable
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, Job, Jobs, Server
from distnet.cli.output import echo, print_json
from distnet.cli.queue.jobs import described
from distnet.client.client import Json
from distnet.errors import DistnetError

Priority = Annotated[
    int, typer.Argument(metavar="N", min=-1000, max=1000, help="Jobs of higher priority go first.")
]


def cancel(
    jobs: Jobs, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Cancel jobs. A running job saves a checkpoint first."""
    _control("cancel", jobs, server, context, as_json=as_json)


def hold(
    jobs: Jobs, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Hold jobs until they are released. A running job saves a checkpoint and stops."""
    _control("hold", jobs, server, context, as_json=as_json)


def release(
    jobs: Jobs, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Release held jobs, so that they can start."""
    _control("release", jobs, server, context, as_json=as_json)


def retry(
    jobs: Jobs, server: Server = None, context: Context = None, as_json: AsJson = False
) -> None:
    """Queue failed or stopped jobs again; they resume from their last checkpoint."""
    _control("retry", jobs, server, context, as_json=as_json)


def priority(
    job: Job,
    number: Priority,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Change the priority of a job."""
    changed = connect(server, context).set_priority(job, number)
    if as_json:
        print_json(changed)
    else:
        echo(f"{job} has priority {changed['priority']}")


def _control(
    command: str, jobs: list[str], server: str | None, context: str | None, *, as_json: bool
) -> None:
    """Send a command to each job; a job that refuses it does not keep it from the others."""
    client = connect(server, context)
    changed, faults = _each(lambda name: client.control(name, command), jobs)
    if not as_json:
        for job in changed:
            echo(described(job))
    elif not faults:
        print_json(changed)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise DistnetError("\n".join(map(str, faults)))


def _each(send: Callable[[str], Json], jobs: list[str]) -> tuple[list[Json], list[DistnetError]]:
    changed, faults = [], []
    for name in dict.fromkeys(jobs):
        try:
            changed.append(send(name))
        except DistnetError as error:
            faults.append(error)
    return changed, faults
