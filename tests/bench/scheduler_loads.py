"""Clusters and queues of any size for `scheduler.py`: full, with more jobs than fit waiting."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from distnet.scheduler.view import Allocation, JobRequest, Node, Shape, Team, View
from distnet.spec.selector import Selector

NOW = 1e6
FEW_SHAPES = (
    Shape(1, 1, 1, 0),
    Shape(1, 1, 4, 0),
    Shape(2, 8, 4, 0),
    Shape(4, 4, 16, 0),
    Shape(16, 16, 8, 0),
    Shape(64, 64, 16, 0),
    Shape(1, 1, 4, 1),
    Shape(4, 16, 8, 1),
    Shape(8, 8, 8, 1),
    Shape(64, 64, 8, 1),
)
LENGTHS_S = (300.0, 1800.0, 7200.0, 86_400.0, math.inf)
KINDS = [(64, 0)] * 8 + [(128, 8)] + [(32, 4)]
"""CPUs and GPUs of nodes."""
GPUS = ("H100", "A100", "T4")
NUM_TEAMS, NUM_USERS = 20, 200
MAX_TRIES = 20
"""Nodes that are tried for a worker of a running job."""


@dataclass(frozen=True, slots=True)
class Load:
    """What kind of jobs there are."""

    shape: Callable[[random.Random], Shape]
    length_s: Callable[[random.Random], float]
    priorities: tuple[int, int] = (-2, 3)
    """Of waiting jobs: from the first to before the second; running ones have -2 to 2."""
    has_quotas: bool = False


def few_shapes(rng: random.Random) -> Shape:
    """One of ten shapes, as where everybody uses the same job files."""
    return rng.choice(FEW_SHAPES)


def any_shape(rng: random.Random) -> Shape:
    """A shape that hardly any other job has."""
    fewest = min(64, 1 + int(rng.expovariate(1 / 6)))
    most = fewest + (rng.randrange(1, 16) if rng.random() < 0.3 else 0)
    gpus = rng.choice((0, 0, 0, 1, 1, 2, 4, 8))
    selector = None
    if rng.random() < 0.1:
        selector = Selector((rng.choice(GPUS),) if gpus else (), (("zone", rng.choice("ab")),))
    return Shape(fewest, most, rng.randrange(1, 25), gpus, selector)


def few_lengths(rng: random.Random) -> float:
    """One of four lengths, or an unknown one."""
    return rng.choice(LENGTHS_S)


def any_length(rng: random.Random) -> float:
    """A length that no other job has; half of them are unknown."""
    return math.inf if rng.random() < 0.5 else rng.uniform(60.0, 200_000.0)


LOADS = {
    "equal jobs": Load(few_shapes, few_lengths),
    "equal jobs, quotas": Load(few_shapes, few_lengths, has_quotas=True),
    "equal jobs, urgent": Load(few_shapes, few_lengths, (-2, 20)),
    "varied": Load(any_shape, any_length, (-10, 1000)),
    "varied, quotas": Load(any_shape, any_length, (-10, 1000), has_quotas=True),
    "varied, not urgent": Load(any_shape, any_length, (-10, 0), has_quotas=True),
}


def full(load: Load, num_nodes: int, num_running: int, num_waiting: int, seed: int = 1) -> View:
    """A cluster that is nearly full, and more jobs than fit."""
    rng = random.Random(seed)
    nodes = tuple(_nodes(num_nodes))
    running = list(_running(load, nodes, num_running, rng))
    waiting = [_job(load, n, rng, load.priorities) for n in range(num_waiting)]
    return View(NOW, nodes, waiting, running, dict(_teams(num_nodes)) if load.has_quotas else {})


def empty(load: Load, num_nodes: int, num_waiting: int, seed: int = 1) -> View:
    """An empty cluster, in which as many start as fit."""
    rng = random.Random(seed)
    waiting = [_job(load, n, rng, load.priorities) for n in range(num_waiting)]
    return View(NOW, tuple(_nodes(num_nodes)), waiting, [])


def _nodes(count: int) -> Iterator[Node]:
    """Nodes of three kinds; every fortieth is draining."""
    for n in range(count):
        cpus, gpus = KINDS[n % len(KINDS)]
        labels = {"zone": "ab"[n % 2]} | ({"gpu": GPUS[n // 10 % 3]} if gpus else {})
        yield Node(f"node-{n:05}", cpus, gpus, f"host-{n}", is_draining=n % 40 == 39, labels=labels)


def _teams(num_nodes: int) -> Iterator[tuple[str, Team]]:
    """Quotas of three quarters of the teams, limits of a third."""
    cpus, gpus = 70.0 * num_nodes / NUM_TEAMS, 1.2 * num_nodes / NUM_TEAMS
    for n in range(NUM_TEAMS):
        quota = (cpus, gpus) if n % 4 else (math.inf, math.inf)
        limit = (1.5 * cpus, 1.5 * gpus) if n % 3 == 0 else (math.inf, math.inf)
        yield f"team-{n}", Team(f"team-{n}", 1.0 + n % 2, *quota, *limit)


def _job(load: Load, n: int, rng: random.Random, priorities: tuple[int, int]) -> JobRequest:
    user = rng.randrange(NUM_USERS)
    return JobRequest(
        number=1_000_000 + n,
        name=f"job-{n}",
        owner=f"user-{user}",
        team=f"team-{user % NUM_TEAMS}",
        priority=rng.randrange(*priorities),
        submitted_at=NOW - rng.expovariate(1 / 20_000.0),
        shape=load.shape(rng),
        expected_s=load.length_s(rng),
    )


def _running(
    load: Load, nodes: tuple[Node, ...], count: int, rng: random.Random
) -> Iterator[Allocation]:
    """Small jobs on nodes that have enough free for them."""
    free = {node.id: [node.cpus, node.gpus] for node in nodes}
    for number in range(count):
        job = _job(load, number - 1_000_000, rng, (-2, 3))
        cpus, gpus = min(job.shape.cpus, 4), int(job.shape.gpus > 0 and number % 10 == 0)
        workers = min(job.shape.min_workers, 2)
        placement: dict[str, int] = {}
        for _ in range(workers):
            node = _with_free(nodes, free, cpus, gpus, rng)
            if node is not None:
                placement[node.id] = placement.get(node.id, 0) + 1
                free[node.id][0] -= cpus
                free[node.id][1] -= gpus
        if placement:
            held = sum(placement.values())
            most = held + (job.shape.max_workers - job.shape.min_workers)
            job = _small(job, Shape(max(1, held - 1) if most > held else held, most, cpus, gpus))
            ends_at = NOW + rng.uniform(-10, 1000) + job.expected_s * rng.random()
            is_stopping = rng.random() < 0.002
            yield Allocation(
                job, placement, NOW - rng.uniform(0, 5000), ends_at, is_stopping,
                is_steady=not is_stopping,
            )  # fmt: skip


def _with_free(
    nodes: tuple[Node, ...],
    free: dict[str, list[float]],
    cpus: int,
    gpus: int,
    rng: random.Random,
) -> Node | None:
    for _ in range(MAX_TRIES):
        node = nodes[rng.randrange(len(nodes))]
        if free[node.id][0] >= cpus and free[node.id][1] >= gpus:
            return node
    return None


def _small(job: JobRequest, shape: Shape) -> JobRequest:
    return JobRequest(
        job.number, f"run-{job.number}", job.owner, job.team, job.priority,
        job.submitted_at, shape, expected_s=job.expected_s,
    )  # fmt: skip
