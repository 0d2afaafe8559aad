"""What `stop` and `resize` share for a server's job: the wait, and the reply without one."""

from collections.abc import Callable

from distnet.cli.connect import say_unreachable
from distnet.cli.console import spinner
from distnet.cli.output import echo, print_json
from distnet.cli.queue.jobs import described
from distnet.client.client import Client, Json
from distnet.client.follow import until
from distnet.errors import DistnetError
from distnet.spec.plural import counted


def wait_for(
    client: Client, job: str, is_done: Callable[[Json], bool], timeout_s: float, action: str
) -> Json:
    """Poll a job until `is_done` of its JobDetails; returns them.

    Args:
        client: of the server that was sent the request.
        job: its name.
        is_done: of its JobDetails.
        timeout_s: the longest wait.
        action: what was requested, as in "stop".

    Raises:
        DistnetError: it was not done in time.
    """
    with spinner(f"waiting for {job} on {client.target.server} to {action}") as status:
        try:
            return until(
                client.patient(),
                job,
                is_done,
                timeout_s=timeout_s,
                on_poll=lambda now: status.update(described(now)),
                on_unreachable=say_unreachable,
            )
        except TimeoutError as error:
            raise DistnetError(
                f"{error}; the request to {action} stands, see: distnet why {job}"
            ) from None


def print_requested(client: Client, job: Json, action: str, *, as_json: bool) -> None:
    """Print what a job was requested to do, and its state now."""
    if as_json:
        print_json(job)
        return
    workers = job["workers"]
    now = job["state"] if workers is None else f"{job['state']} on {counted(workers, 'worker')}"
    echo(f"{job['name']} (on {client.target.server}): requested to {action}; now {now}")
