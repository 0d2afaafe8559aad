"""Logs as they are written, and jobs until they have ended."""

import time
from collections.abc import Callable, Iterator

from distnet.client.client import Answer, Client
from distnet.server.states import JobState

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
) -> Answer:
    """Look at a job until something is so; returns its JobDetails.

    Args:
        client: of the server.
        job: its name.
        is_so: of its JobDetails.
        timeout_s: for how long; None for ever.
        see: is shown the JobAnswer at each look.

    Raises:
        TimeoutError: it was not so in time.
    """
    end = None if timeout_s is None else time.monotonic() + timeout_s
    pause = 0.1
    while True:
        details = client.details(job)
        if see is not None:
            see(details["job"])
        if is_so(details):
            return details
        left = None if end is None else end - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(f"{job} is {details['job']['state']} after {timeout_s:g} s")
        time.sleep(pause if left is None else min(pause, left))
        pause = min(pause * 1.5, LOOK_EVERY_S)


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
