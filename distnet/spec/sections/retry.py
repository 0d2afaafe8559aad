"""What is done when an attempt fails: how often each kind of failure is tried again, and when."""

from typing import Annotated

from pydantic import Field

from distnet.spec.sections.section import Section
from distnet.spec.sections.units import Seconds


class RetryLimit(Section):
    """How often one kind of failure is survived without progress in between."""

    times: Annotated[int, Field(ge=0, lt=2**31)]
    """Attempts that may fail so before the run fails. A checkpoint that is newer than those
    of the attempts before gives all of them back."""
    backoff: Seconds = 1.0
    """Wait before the first retry; each further one without progress waits twice as long."""


class HangRetryLimit(RetryLimit):
    """Workers that make no step any more."""

    times: Annotated[int, Field(ge=0, lt=2**31)] = 3
    """Attempts that may fail so before the run fails."""
    after: Seconds = 60.0
    """A worker hangs that makes no step for this long and ten median steps besides."""


class Retry(Section):
    """One budget for each kind of failure."""

    user_error: RetryLimit = RetryLimit(times=0)
    """The job, its own code or its data raised; to try again seldom helps."""
    out_of_memory: RetryLimit = RetryLimit(times=2, backoff=5.0)
    """A worker had no memory left, on the GPU or of the machine."""
    hang: HangRetryLimit = HangRetryLimit()
    """A worker made no step any more."""
    lost_worker: RetryLimit = RetryLimit(times=10)
    """A worker, its node or Ray itself was killed."""
    preemption: RetryLimit = RetryLimit(times=1000)
    """A node was taken away before training could stop as planned."""
    storage: RetryLimit = RetryLimit(times=20, backoff=2.0)
    """A checkpoint could not be written. Training goes on while this is tried again."""
    longest_backoff: Seconds = 60.0
    """No wait is longer."""
    room: Seconds = 600.0
    """How long to wait for a cluster to have room for the workers."""
