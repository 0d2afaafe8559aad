"""Logs as they are written, and jobs until they have ended."""

import math
import time
from collections.abc import Callable, Iterator

from distnet.client.client import Answer, Client
from distnet.protocol.errors import ServerError, TooManyError, UnavailableError
from distnet.protocol.states import JobState

WAIT_S = 20.0  # how long the server may hold a request until there is something new
LOOK_EVERY_S = 1.0


def pieces(
    client: Client, job: str, stream: str, *, offset: int = 0, follow: bool = False
) -> Iterator[Answer]:
    """Read a log from `offset` on, a StreamAnswer a piece: what there is, or until it is complete.

    Raises:
        NotFoundError: there is no such job or stream.
    """
    while True:
        asked = time.monotonic()
        wait_s = WAIT_S if follow else 0.0
        answer = client.stream(job, stream, offset=offset, wait_s=wait_s)
        if answer["text"] or answer["is_complete"]:
            yield answer
        if answer["is_complete"] or not (follow or answer["next"] > offset):
            return
        if answer["next"] == offset:  # a server that does not wait must not be asked in a rush
            time.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - asked)))
        offset = answer["next"]


def until(
    client: Client,
    job: str,
    is_so: Callable[[Answer], bool],
    *,
    timeout_s: float | None = None,
    see: Callable[[Answer], None] | None = None,
    lost: Callable[[ServerError], None] | None = None,
) -> Answer:
    """Look at a job until something is so; returns its JobDetails.

    Args:
        client: of the server; its patience is for how long the server may be away.
        job: its name.
        is_so: of its JobDetails.
        timeout_s: for how long; None for ever.
        see: is shown the JobAnswer at each look.
        lost: is told once when the server does not answer.

    Raises:
        TimeoutError: it was not so in time.
        ServerError: the server refused, or was away for too long.
    """
    end = math.inf if timeout_s is None else time.monotonic() + timeout_s
    looks, state = _Looks(client, job, lost), None
    pause = 0.1
    while True:
        details = looks.look()
        if details is not None:
            state = details["job"]["state"]
            if see is not None:
                see(details["job"])
            if is_so(details):
                return details
        left = end - time.monotonic()
        if left <= 0:
            known = f"{job} is {state}" if state else f"no server has told of {job}"
            raise TimeoutError(f"{known} after {timeout_s:g} s")
        time.sleep(min(pause, left))
        pause = min(pause * 1.5, LOOK_EVERY_S)


class _Looks:
    """Looks at a job of a server that may be away for a while."""

    def __init__(
        self, client: Client, job: str, lost: Callable[[ServerError], None] | None
    ) -> None:
        # Whoever waits counts the time himself: the connection must not repeat for minutes.
        self._client, self._patience_s = Client(client.target, patience_s=0.0), client.patience_s
        self._job, self._lost = job, lost
        self._away_since: float | None = None

    def look(self) -> Answer | None:
        """Its JobDetails; None: nobody answers at the moment."""
        try:
            details = self._client.details(self._job)
        except (UnavailableError, TooManyError) as error:
            self._be_patient(error)
            return None
        self._away_since = None
        return details

    def _be_patient(self, error: ServerError) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
            if self._lost is not None:
                self._lost(error)
        if now - self._away_since > self._patience_s:
            raise error


def has_ended(details: Answer) -> bool:
    """Whether a job, by its JobDetails, is over: nothing happens unless somebody asks for it."""
    return JobState(details["job"]["state"]).is_terminal


def has_nothing_left(details: Answer) -> bool:
    """Whether a job is over and the server knows that none of its attempts lives."""
    return has_ended(details) and all(a["ended_at"] is not None for a in details["attempts"])


def is_waiting(job: Answer) -> bool:
    """Whether a JobAnswer is of a job that has no attempt and is not over."""
    state = JobState(job["state"])
    return not (state.is_live or state.is_terminal)
