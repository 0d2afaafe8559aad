"""Synthetic loads: Poisson arrivals, lognormal numbers of workers and run times.

Source: lognormal sizes and run times, and users whose activity differs widely, as in U. Lublin and
D. Feitelson, The Workload on Parallel Supercomputers, JPDC 2003. Users overestimate run times, as
in A. Mu'alem and D. Feitelson, IEEE TPDS 2001.
"""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from distnet.scheduler.feasibility import largest_gang
from distnet.scheduler.view import Node, Shape
from distnet.sim.load import Load, SimError, SimJob, make_load
from distnet.sim.settings import read_seconds

MAX_FRACTION = 4
"""No job takes more than a quarter of the cluster."""


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Parameters of a synthetic load."""

    jobs: int = 1000
    load: float = 0.9
    """Demand as a fraction of the cluster's CPUs or GPUs, whichever is larger."""
    users: int = 20
    teams: int = 4
    workers: float = 2.0
    """Median."""
    workers_spread: float = 1.0
    """Standard deviation of the logarithm."""
    length: float = 1800.0
    """Median of the run time, in seconds."""
    length_spread: float = 1.5
    cpus: int = 4
    """Maximum of a worker, drawn from 1, 2, 4, ..."""
    gpus: float = math.nan
    """Fraction of the jobs whose workers need one GPU each. By default, the demand for GPUs equals
    that for CPUs."""
    elastic: float = 0.2
    """Fraction of the jobs that can run with a quarter of their workers."""
    priorities: int = 3
    """Levels, from 0."""
    estimates: float = 2.0
    """Median of users' estimates, as a multiple of the run time; never below 1."""
    unknown: float = 0.1
    """Fraction of the jobs without an estimate."""


def read_synthetic(text: str) -> Synthetic:
    """Read `jobs=5000,load=0.9,length=2h` over the defaults.

    Raises:
        SimError: a key is unknown or its value is invalid.
    """
    known = {field.name: field.type for field in fields(Synthetic)}
    found: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals or key not in known:
            expected = f"KEY=VALUE with KEY one of {', '.join(known)}"
            raise SimError(f"--synthetic: found {part!r}, expected {expected}")
        found[key] = _value(key, value, is_whole=known[key] is int)
    return replace(Synthetic(), **found)  # type: ignore[arg-type]


def make_jobs(spec: Synthetic, nodes: Sequence[Node], seed: int) -> Load:
    """Draw the jobs for a cluster; the same seed gives the same jobs."""
    rng = random.Random(seed)
    cpus, gpus = sum(node.cpus for node in nodes), sum(node.gpus for node in nodes)
    if math.isnan(spec.gpus) or not gpus:
        kinds = _cpu_kinds(spec)
        spec = replace(spec, gpus=min(1.0, gpus * sum(kinds) / len(kinds) / cpus))
    slots: dict[Shape, int] = {}
    jobs = [_job(spec, rng, nodes, slots) for _ in range(spec.jobs)]
    work_s = [job.runtime_s * job.max_workers for job in jobs]
    by_cpus = sum(work * job.cpus for work, job in zip(work_s, jobs, strict=True)) / cpus
    by_gpus = sum(work * job.gpus for work, job in zip(work_s, jobs, strict=True)) / (gpus or 1)
    gap_s, time_s, timed = max(by_cpus, by_gpus) / spec.load / len(jobs), 0.0, []
    for job in jobs:
        time_s += rng.expovariate(1.0) * gap_s
        timed.append(replace(job, submit_s=time_s))
    return make_load(timed, "synthetic")


def _cpu_kinds(spec: Synthetic) -> list[int]:
    """CPUs of a worker: 1, 2, 4, ..."""
    return [2**power for power in range(int(math.log2(spec.cpus)) + 1)]


def _job(
    spec: Synthetic, rng: random.Random, nodes: Sequence[Node], slots: dict[Shape, int]
) -> SimJob:
    user = min(int(rng.expovariate(1.0) * spec.users / 3), spec.users - 1)
    gpus = int(rng.random() < spec.gpus)
    cpus = rng.choice(_cpu_kinds(spec))
    one = Shape(1, 1, cpus, gpus)
    if one not in slots:
        slots[one] = largest_gang(one, nodes)
    drawn = rng.lognormvariate(math.log(spec.workers), spec.workers_spread)
    workers = min(max(1, round(drawn)), max(1, slots[one] // MAX_FRACTION))
    runtime_s = rng.lognormvariate(math.log(spec.length), spec.length_spread)
    factor = max(1.0, rng.lognormvariate(math.log(spec.estimates), 0.5))
    is_elastic, is_unknown = rng.random() < spec.elastic, rng.random() < spec.unknown
    return SimJob(
        submit_s=0.0,
        runtime_s=runtime_s,
        min_workers=max(1, workers // 4) if is_elastic else workers,
        max_workers=workers,
        cpus=cpus,
        gpus=gpus,
        user=f"user-{user:02}",
        team=f"team-{user % spec.teams}",
        priority=rng.randrange(spec.priorities),
        expected_s=math.inf if is_unknown else runtime_s * factor,
    )


def _value(key: str, text: str, *, is_whole: bool) -> float:
    if key == "length":
        value = read_seconds("--synthetic length", text)
    elif re.fullmatch(r"\d{1,9}" if is_whole else r"\d{1,9}(\.\d{1,9})?", text):
        value = int(text) if is_whole else float(text)
    else:
        raise SimError(f"--synthetic {key}: found {text!r}, expected a number")
    if key in ("gpus", "elastic", "unknown") and value > 1:
        raise SimError(f"--synthetic {key}: found {text!r}, expected a fraction from 0 to 1")
    if value == 0 and key not in ("gpus", "elastic", "unknown", "workers_spread", "length_spread"):
        raise SimError(f"--synthetic {key}: found {text!r}, expected more than 0")
    if key == "jobs" and value > 10_000_000:
        raise SimError(f"--synthetic jobs: found {text!r}, expected at most 10,000,000")
    return value
