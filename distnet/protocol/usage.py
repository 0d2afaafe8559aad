"""What jobs were given of the cluster, and what they used of it."""

from typing import Literal

from distnet.protocol.message import Message
from distnet.protocol.numbers import Count, Seconds

By = Literal["user", "team", "month", "job"]
"""What hours are summed by."""


class Used(Message):
    """What the workers of an attempt have used so far, as they measured it themselves."""

    cpu_s: Seconds
    """CPU time of all its workers."""
    gpu_s: Seconds | None = None
    """Time in which their GPUs computed; null if that is unknown."""
    peak_bytes: Count = 0
    """The most memory that one worker had at once."""
    node_bytes: Count = 0
    """The memory of that worker's node."""
    first_step: Count = 0
    """The step at which the attempt began."""
    num_steps: Count = 0
    """Steps made, also those that were made again after a failure."""


class JobUse(Message):
    """What a job was given and has used, over all its attempts."""

    cpu_s: float
    """CPUs that it was given, times the seconds for which it had them."""
    gpu_s: float
    cpu_used_s: float | None = None
    """CPU time of its workers; null if no attempt has measured it."""
    gpu_used_s: float | None = None
    cpu_efficiency: float | None = None
    """The used share of what was given, in the attempts that have measured it; 0 to 1."""
    gpu_efficiency: float | None = None
    peak_bytes: int | None = None
    """The most memory that one worker had at once."""
    node_bytes: int | None = None
    """The memory of that worker's node."""
    waited_s: float = 0.0
    """Time since its submit in which it had no workers."""
    num_steps: int | None = None
    """Steps made, also those that were made again after a failure."""
    num_recomputed: int | None = None
    """Those that were made again."""


class UsageRow(Message):
    """The hours of one user, team, month or job, or of a combination of them."""

    month: str | None = None
    """As in 2026-11, in UTC; null if the sum is not by month."""
    user: str | None = None
    team: str | None = None
    job: str | None = None
    num_jobs: int
    cpu_s: float
    """CPUs that jobs were given, times the seconds for which they had them."""
    gpu_s: float
    use: JobUse | None = None
    """Of a job, in its whole life; null if the sum is not by job."""


class UsageResponse(Message):
    """What jobs were given between two times."""

    since: float
    until: float
    rows: tuple[UsageRow, ...]
    """The largest first; by month in their order."""
    total: UsageRow
    """Of all rows, also those that are left out."""
    num_left_out: int = 0
    """Rows beyond the limit."""
