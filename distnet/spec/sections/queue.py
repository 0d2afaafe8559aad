"""How a job queues: what decides when it starts, and what happens when others need its place."""

from typing import Annotated

from pydantic import Field

from distnet.spec.sections.section import Name, Section
from distnet.spec.sections.units import Seconds


class Queue(Section):
    """The job among others. Nothing here changes the weights, and `distnet run` ignores it."""

    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    """A larger one starts first, and may take the place of jobs with a smaller one."""
    team: Name | None = None
    """Whose quota it counts against. Default: the team of the user who submits it."""
    preemptible: bool = True
    """Whether a job of higher priority may stop this one; it is saved first and goes on later."""
    grace: Seconds = 120.0
    """How long an attempt that must give way may take to save and end, before it is killed."""
    max_time: Seconds | None = None
    """Stop (saved first) after training for this long in all, waiting not counted."""
    expected: Seconds | None = None
    """How long training takes, as far as you know: lets a short job go ahead where it delays
    nobody. Default: `max_time`."""
