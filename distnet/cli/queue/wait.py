"""`distnet wait`."""

from typing import Annotated

import typer

from distnet.cli.connect import connect, say_unreachable
from distnet.cli.console import spinner
from distnet.cli.exit_codes import FAILED, STOPPED
from distnet.cli.options import AsJson, Context, Jobs, Server
from distnet.cli.output import echo, print_json, say
from distnet.cli.queue.jobs import described
from distnet.cli.sweeps.jobs import jobs_of_sweep
from distnet.client.client import Client, Json
from distnet.client.follow import has_ended, until
from distnet.errors import DistnetError
from distnet.protocol.errors import NotFoundError

BY_SEVERITY = (0, STOPPED, FAILED)

MaybeTimeout = Annotated[
    float | None, typer.Option(min=0, metavar="SECONDS", help="Wait at most this long.")
]


def wait(
    jobs: Jobs,
    timeout: MaybeTimeout = None,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Wait until jobs have ended.

    Exit code: 0 if all have finished, 3 if one has failed, 130 if one was stopped or cancelled. A
    trial that its sweep has stopped early counts as finished.
    """
    client = connect(server, context).patient()
    try:
        ended = [job for name in jobs for job in _wait(client, name, timeout, as_json=as_json)]
    except KeyboardInterrupt:
        say(f"\nthe jobs are not stopped; wait again with: distnet wait {' '.join(jobs)}")
        raise
    if as_json:
        print_json(ended)
    raise typer.Exit(max((exit_code(job) for job in ended), key=BY_SEVERITY.index))


def exit_code(job: Json) -> int:
    """The exit code for a job that has ended."""
    return {"finished": 0, "stopped early": 0, "failed": FAILED}.get(job["state"], STOPPED)


def _wait(client: Client, name: str, timeout: float | None, *, as_json: bool) -> list[Json]:
    """Wait for a job, or for those of a sweep, each at most this long."""
    try:
        return [_wait_for_job(client, name, timeout, as_json=as_json)]
    except NotFoundError as error:
        jobs = jobs_of_sweep(client, name, error)
    return [_wait_for_job(client, job, timeout, as_json=as_json) for job in jobs]


def _wait_for_job(client: Client, name: str, timeout: float | None, *, as_json: bool) -> Json:
    with spinner(f"waiting for {name}"):
        try:
            details = until(
                client, name, has_ended, timeout_s=timeout, on_unreachable=say_unreachable
            )
        except TimeoutError as error:
            raise DistnetError(f"{error}; see: distnet why {name}") from None
    job: Json = details["job"]
    if not as_json:
        echo(described(job))
    return job
