"""Three policies: how far the users of a cluster trust one another.

A policy says how soon waiting outweighs priorities, and what a submitter may write into a job file
to get ahead, or to keep what it has. Each value can be set by itself as well (`settings_file.py`).
"""

import math
from typing import NamedTuple

MINUTE_S, HOUR_S, DAY_S = 60.0, 3600.0, 86_400.0


class Preset(NamedTuple):
    """The values of a policy that depend on trust."""

    ageing_s: float
    """The waiting time for which a job gains one level of priority."""
    priority: int
    """The highest priority that a submitter gives."""
    not_preemptible_s: float
    """The longest `queue.max_time` of a submitter's job that cannot be preempted; 0: there are no
    such jobs, inf: it needs no `max_time`."""
    grace_s: float
    """The longest `queue.grace` of a submitter's job: for so long it may keep what others get."""


PRESETS = {
    "team": Preset(4 * HOUR_S, priority=10, not_preemptible_s=7 * DAY_S, grace_s=HOUR_S),
    "lab": Preset(2 * HOUR_S, priority=3, not_preemptible_s=DAY_S, grace_s=30 * MINUTE_S),
    "strict": Preset(HOUR_S, priority=0, not_preemptible_s=0.0, grace_s=10 * MINUTE_S),
}
DEFAULT = PRESETS["team"]
NAMED_S = {"anyone": math.inf, "admins": 0.0}
"""Who may submit jobs that cannot be preempted, where that is no matter of time."""
