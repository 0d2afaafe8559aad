"""What is simulated: jobs that were recorded or made up."""

import math
from dataclasses import dataclass, replace

from distnet.errors import DistnetError


class SimError(DistnetError):
    """A trace, a cluster or a setting that cannot be simulated."""


@dataclass(frozen=True, slots=True)
class SimJob:
    """A job as it comes, and what the scheduler cannot know of it."""

    submit_s: float
    runtime_s: float
    """How long it trains with `max_workers`; with fewer it takes longer, in proportion."""
    min_workers: int = 1
    max_workers: int = 1
    cpus: int = 1
    """Of each worker."""
    gpus: int = 0
    user: str = "user"
    team: str = "team"
    priority: int = 0
    expected_s: float = math.inf
    """What its user believes that `runtime_s` is; inf: nobody said."""
    is_preemptible: bool = True


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs in the order in which they come."""

    jobs: tuple[SimJob, ...]
    source: str
    num_skipped: int = 0
    """Lines of a trace that tell of nothing that ran."""


def make_load(jobs: list[SimJob], source: str, num_skipped: int = 0) -> Load:
    """Sort jobs by time, and let the first one come at 0.

    Raises:
        SimError: there are none.
    """
    if not jobs:
        raise SimError(f"{source}: found no jobs, expected at least one")
    jobs.sort(key=lambda job: job.submit_s)
    first = jobs[0].submit_s
    shifted = (replace(job, submit_s=job.submit_s - first) for job in jobs)
    return Load(tuple(shifted), source, num_skipped)
