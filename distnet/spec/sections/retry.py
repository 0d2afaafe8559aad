"""What happens when an attempt fails: how often each kind of failure is retried, and when."""

from typing import Annotated

from pydantic import Field

from distnet.spec.sections.section import Section
from distnet.spec.sections.units import Seconds


class RetryLimit(Section):
    """How often one kind of failure is retried without progress in between."""

    times: Annotated[int, Field(ge=0, lt=2**31)]
    """Attempts that may fail in this way before the run fails. A checkpoint newer than those of
    the attempts before resets the count."""
    backoff: Seconds = 1.0
    """Wait before the first retry; every further one without progress waits twice as long."""


class HangRetryLimit(RetryLimit):
    """Retries after a worker hung."""

    times: Annotated[int, Field(ge=0, lt=2**31)] = 3
    """Attempts that may fail in this way before the run fails."""
    after: Seconds = 60.0
    """A worker hangs if it completes no step for this long plus ten median steps."""


class Retry(Section):
    """How often each kind of failure is retried."""

    user_error: RetryLimit = RetryLimit(times=0)
    """The job, its own code or its data raised; a retry seldom helps."""
    out_of_memory: RetryLimit = RetryLimit(times=2, backoff=5.0)
    """A worker was out of memory, on the GPU or on its machine."""
    hang: HangRetryLimit = HangRetryLimit()
    """A worker stopped completing steps."""
    lost_worker: RetryLimit = RetryLimit(times=10)
    """A worker, its node or Ray itself was killed."""
    preemption: RetryLimit = RetryLimit(times=1000)
    """A node was removed before training could stop as planned."""
    storage: RetryLimit = RetryLimit(times=20, backoff=2.0)
    """A checkpoint could not be written. Training continues during the retries."""
    longest_backoff: Seconds = 60.0
    """The longest wait before a retry."""
    room: Seconds = 600.0
    """How long to wait for free resources on a cluster."""
