"""The jobs of a simulation, from a trace or synthetic."""

import math
from dataclasses import dataclass, replace

from distnet.errors import DistnetError
from distnet.spec.selector import Selector


class SimError(DistnetError):
    """A trace, a cluster or a setting is invalid."""


@dataclass(frozen=True, slots=True)
class SimJob:
    """A job as submitted, with what the scheduler does not know."""

    submit_s: float
    runtime_s: float
    """Training time with `max_workers`; inversely proportional to the number of workers."""
    min_workers: int = 1
    max_workers: int = 1
    cpus: int = 1
    """Of each worker."""
    gpus: int = 0
    user: str = "user"
    team: str = "team"
    priority: int = 0
    expected_s: float = math.inf
    """The user's estimate of `runtime_s`; inf: none given."""
    is_preemptible: bool = True
    selector: Selector | None = None
    """The nodes that it may use; None: any."""


@dataclass(frozen=True, slots=True)
class Load:
    """Jobs in the order of submission."""

    jobs: tuple[SimJob, ...]
    source: str
    num_skipped: int = 0
    """Lines of a trace without a job that ran."""


def make_load(jobs: list[SimJob], source: str, num_skipped: int = 0) -> Load:
    """Sort jobs by submission, and shift the first one to time 0.

    Raises:
        SimError: `jobs` is empty.
    """
    if not jobs:
        raise SimError(f"{source}: found no jobs, expected at least one")
    jobs.sort(key=lambda job: job.submit_s)
    first = jobs[0].submit_s
    shifted = (replace(job, submit_s=job.submit_s - first) for job in jobs)
    return Load(tuple(shifted), source, num_skipped)
