"""Control a server's jobs and sweeps: cancel, hold, release, retry, priority."""

from collections.abc import Callable, Collection, Iterable
from typing import Annotated

import typer

from distnet.cli.connect import connect
from distnet.cli.options import AsJson, Context, JobOrSweep, Jobs, Server
from distnet.cli.output import echo, print_json
from distnet.cli.queue.jobs import described
from distnet.cli.sweeps.jobs import jobs_of_sweep
from distnet.client.client import Client, Json
from distnet.errors import DistnetError
from distnet.protocol.errors import NotFoundError
from distnet.protocol.states import JobState

OPEN = tuple(state for state in JobState if not state.is_terminal)
STATES = {
    "cancel": OPEN,
    "hold": tuple(state for state in OPEN if state is not JobState.HELD),
    "release": (JobState.HELD,),
    "retry": (JobState.FAILED, JobState.STOPPED, JobState.CANCELLED),
    # Not those that were stopped early: that was decided, and each can be retried by its name.
}
"""By command, the states of the jobs of a sweep that it is sent to."""
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
    job: JobOrSweep,
    number: Priority,
    server: Server = None,
    context: Context = None,
    as_json: AsJson = False,
) -> None:
    """Change the priority of a job, or of those of a sweep."""
    client = connect(server, context)
    send = _Sender(client, lambda name: client.set_priority(name, number), OPEN)
    send.to([job])
    if as_json and not send.faults:
        print_json(send.changed if send.is_sweep else send.changed[0])
    for changed in [] if as_json else send.changed:
        echo(f"{changed['name']} has priority {changed['priority']}")
    send.raise_faults()


def _control(
    command: str, jobs: list[str], server: str | None, context: str | None, *, as_json: bool
) -> None:
    client = connect(server, context)
    send = _Sender(client, lambda name: client.control(name, command), STATES[command])
    send.to(jobs)
    if as_json and not send.faults:
        print_json(send.changed)
    for changed in [] if as_json else send.changed:
        echo(described(changed))
    send.raise_faults()


class _Sender:
    """Sends a request to each job; a job that refuses it does not keep it from the others.

    Args:
        client: of the server.
        send: sends it to one job.
        states: of the jobs of a sweep that it is sent to.
    """

    def __init__(
        self, client: Client, send: Callable[[str], Json], states: Collection[str]
    ) -> None:
        self._client, self._send, self._states = client, send, states
        self.changed: list[Json] = []
        self.faults: list[DistnetError] = []
        self.is_sweep = False

    def to(self, names: Iterable[str]) -> None:
        """Send it to jobs; to all jobs of a sweep, where a name is that of one."""
        for name in dict.fromkeys(names):
            try:
                self.changed.append(self._send(name))
            except NotFoundError as error:
                self._to_sweep(name, error)
            except DistnetError as error:
                self.faults.append(error)

    def _to_sweep(self, name: str, no_job: NotFoundError) -> None:
        try:
            jobs = jobs_of_sweep(self._client, name, no_job, self._states)
        except DistnetError as error:
            self.faults.append(error)
            return
        self.is_sweep = True
        self.to(jobs)

    def raise_faults(self) -> None:
        """Raise what was refused, in one error."""
        if len(self.faults) == 1:
            raise self.faults[0]
        if self.faults:
            raise DistnetError("\n".join(map(str, self.faults)))
