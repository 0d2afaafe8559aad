"""Follow a log as it is written, and poll a job until a condition holds."""

import math
import time
from collections.abc import Callable, Iterator

from distnet.client.client import Client, Json
from distnet.protocol.errors import ServerError, TooManyError, UnavailableError
from distnet.protocol.states import JobState

WAIT_S = 20.0  # how long the server may hold a request until there is new text
POLL_EVERY_S = 1.0


def pieces(
    client: Client, job: str, stream: str, *, offset: int = 0, follow: bool = False
) -> Iterator[Json]:
    """Read a log from `offset` on, in pieces (StreamResponse).

    Args:
        client: of the server.
        job: its name.
        stream: `run`, `worker-N` or `metrics`.
        offset: in bytes, where to begin.
        follow: whether to go on until the log is complete; else until its present end.

    Raises:
        NotFoundError: there is no such job or stream.
    """
    while True:
        sent_at = time.monotonic()
        wait_s = WAIT_S if follow else 0.0
        reply = client.stream(job, stream, offset=offset, wait_s=wait_s)
        if reply["text"] or reply["is_complete"]:
            yield reply
        if reply["is_complete"] or not (follow or reply["next"] > offset):
            return
        if reply["next"] == offset:  # a server that does not wait must not be flooded
            time.sleep(max(0.0, POLL_EVERY_S - (time.monotonic() - sent_at)))
        offset = reply["next"]


def until(
    client: Client,
    job: str,
    is_done: Callable[[Json], bool],
    *,
    timeout_s: float | None = None,
    on_poll: Callable[[Json], None] | None = None,
    on_unreachable: Callable[[ServerError], None] | None = None,
) -> Json:
    """Poll a job until `is_done` of its JobDetails; returns them.

    Args:
        client: of the server; its patience is how long the server may be unreachable.
        job: its name.
        is_done: of its JobDetails.
        timeout_s: the longest wait; None waits forever.
        on_poll: called with the JobResponse at each poll.
        on_unreachable: called once when the server does not respond.

    Raises:
        TimeoutError: it was not done in time.
        ServerError: the server refused, or was unreachable for too long.
    """
    end = math.inf if timeout_s is None else time.monotonic() + timeout_s
    poll, state = _Poll(client, job, on_unreachable), None
    pause = 0.1
    while True:
        details = poll()
        if details is not None:
            state = details["job"]["state"]
            if on_poll is not None:
                on_poll(details["job"])
            if is_done(details):
                return details
        left = end - time.monotonic()
        if left <= 0:
            known = f"{job} is {state}" if state else f"no server has reported on {job}"
            raise TimeoutError(f"{known} after {timeout_s:g} s")
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, POLL_EVERY_S)


class _Poll:
    """Reads the details of a job on a server that may be unreachable for a while."""

    def __init__(
        self, client: Client, job: str, on_unreachable: Callable[[ServerError], None] | None
    ) -> None:
        # `until` counts the time: the connection itself must not repeat requests for minutes.
        self._client, self._patience_s = Client(client.target, patience_s=0.0), client.patience_s
        self._job, self._on_unreachable = job, on_unreachable
        self._unreachable_since: float | None = None

    def __call__(self) -> Json | None:
        """Its JobDetails; None while the server does not respond."""
        try:
            details = self._client.details(self._job)
        except (UnavailableError, TooManyError) as error:
            self._be_patient(error)
            return None
        self._unreachable_since = None
        return details

    def _be_patient(self, error: ServerError) -> None:
        now = time.monotonic()
        if self._unreachable_since is None:
            self._unreachable_since = now
            if self._on_unreachable is not None:
                self._on_unreachable(error)
        if now - self._unreachable_since > self._patience_s:
            raise error


def has_ended(details: Json) -> bool:
    """Whether a job, by its JobDetails, has ended; only a retry would change that."""
    return JobState(details["job"]["state"]).is_terminal


def has_nothing_left(details: Json) -> bool:
    """Whether a job has ended and, as far as the server knows, none of its attempts is running."""
    return has_ended(details) and all(a["ended_at"] is not None for a in details["attempts"])


def is_waiting(job: Json) -> bool:
    """Whether a JobResponse is of a job without an attempt that has not ended."""
    state = JobState(job["state"])
    return not (state.is_live or state.is_terminal)
