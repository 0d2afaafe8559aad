"""What a campaign is to do, checked before anything starts."""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from distnet.chaos.faults import RAYLET
from distnet.errors import NotEnoughResourcesError
from distnet.spec.dump import dump_job
from distnet.spec.read import read_job


@dataclass(frozen=True)
class Request:
    """Which trials to run."""

    job: str
    """The job file."""
    job_sha256: str
    """Of the resolved job."""
    kinds: tuple[str, ...]
    trials: int
    faults: int
    """In each trial."""
    seed: int
    workers: int | None = None
    overrides: tuple[str, ...] = ()


def make_request(
    job: Path,
    *,
    kinds: tuple[str, ...],
    trials: int,
    faults: int = 1,
    seed: int = 0,
    workers: int | None = None,
    overrides: tuple[str, ...] = (),
) -> Request:
    """Check the request.

    Raises:
        DistnetError: the job file has faults, or its faults cannot be injected here.
    """
    read = read_job(job, overrides=overrides).job
    if RAYLET in kinds and read.resources.gpus:
        raise NotEnoughResourcesError(
            "--kill raylet: two nodes on one machine would both take its GPUs; leave raylet out of "
            "--kill, or set resources.gpus to 0"
        )
    digest = sha256(dump_job(read.resolved()).encode()).hexdigest()
    return Request(str(job), digest, kinds, trials, faults, seed, workers, overrides)
