"""How a job queues: what decides when it starts, and whether others may preempt it."""

from typing import Annotated

from pydantic import Field

from distnet.spec.sections.section import Name, Section
from distnet.spec.sections.units import Seconds


class Queue(Section):
    """How the job queues on a server. None of it changes the weights; `distnet run` ignores it."""

    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """Higher starts first, and may preempt jobs of lower priority."""
    team: Name | None = None
    """The team whose quota it counts against. Default: that of the user who submits it."""
    preemptible: bool = True
    """Whether a job of higher priority may preempt this one; it saves first and resumes later."""
    grace: Seconds = 120.0
    """How long a preempted attempt may take to save and end, before it is killed."""
    max_time: Seconds | None = None
    """Stop, with a checkpoint, after this much training in all; waiting does not count."""
    expected: Seconds | None = None
    """Your estimate of the training time: a short job may be backfilled where it delays no other.
    Default: `max_time`."""
