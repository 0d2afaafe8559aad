"""CPU time of one scheduler pass over 10,000 waiting jobs and 1,000 nodes.

Garbage collection is configured as in the server.

python -m tests.bench.scheduler [--profile]
"""

import cProfile
import pstats
import random
import statistics
import sys
import time

from distnet.scheduler.decide import decide
from distnet.scheduler.view import Allocation, JobRequest, Node, Plan, Shape, Start, Team, View
from distnet.server.loop.garbage import rare_full_collections

NUM_NODES, NUM_WAITING, REPEATS = 1000, 10_000, 40
SHAPES = (
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
LENGTHS_S = (300.0, 1800.0, 7200.0, 86_400.0, float("inf"))
TEAMS = {
    "vision": Team("vision", 2.0, quota_cpus=20_000, quota_gpus=300),
    "speech": Team("speech", 1.0, quota_cpus=20_000, quota_gpus=300, limit_gpus=500),
    "text": Team("text", 1.0, quota_gpus=200),
}


def main() -> None:
    """Run and print the benchmark."""
    views = {
        "full, jobs wait": full(random.Random(1), teams={}),
        "full, with quotas": full(random.Random(1), teams=TEAMS),
        "full, high priorities wait": full(random.Random(1), teams={}, top=20),
        "full of small jobs": full(random.Random(1), teams={}, shapes=SHAPES[:3]),
        "empty, all may start": waiting_only(random.Random(1)),
    }
    for name, view in views.items():
        plan = decide(view)
        with rare_full_collections():
            times = [_cpu_ms(view) for _ in range(REPEATS)]
        p99 = statistics.quantiles(times, n=100, method="inclusive")[98]
        counts = f"{len(view.allocations):,} run, {len(plan.decisions):,} decisions"
        print(f"{name:27} p50 {statistics.median(times):6.1f} ms, p99 {p99:6.1f} ms ({counts})")  # noqa: T201
        if "--profile" in sys.argv:
            _profile(view)


def nodes() -> list[Node]:
    """Nodes of three kinds; every fortieth is draining."""
    kinds = [(64, 0)] * 8 + [(128, 8)] + [(32, 4)]
    return [
        Node(f"node-{n:04}", *kinds[n % len(kinds)], name=f"host-{n}", is_draining=n % 40 == 39)
        for n in range(NUM_NODES)
    ]


def jobs(
    rng: random.Random, count: int, first: int, top: int, shapes: tuple[Shape, ...] = SHAPES
) -> list[JobRequest]:
    """Jobs of twelve users in four teams."""
    return [
        JobRequest(
            number=number,
            name=f"job-{number}",
            owner=f"user-{(user := rng.randrange(12))}",
            team=("vision", "speech", "text", "other")[user % 4],
            priority=rng.randrange(-2, top),
            submitted_at=1e6 - rng.expovariate(1 / 20_000.0),
            shape=rng.choice(shapes),
            expected_s=rng.choice(LENGTHS_S),
        )
        for number in range(first, first + count)
    ]


def waiting_only(rng: random.Random) -> View:
    """An empty cluster."""
    return View(1e6, nodes(), jobs(rng, NUM_WAITING, 1, 3), [])


def full(
    rng: random.Random,
    *,
    teams: dict[str, Team],
    top: int = 3,
    shapes: tuple[Shape, ...] = SHAPES,
) -> View:
    """A full cluster with waiting jobs."""
    first = jobs(rng, NUM_WAITING, 1, 3, shapes)
    by_number = {job.number: job for job in first}
    plan: Plan = decide(View(1e6, nodes(), first, []))
    running = [
        Allocation(
            by_number[start.job],
            start.placement,
            started_at=1e6 - rng.uniform(0, 5000),
            ends_at=1e6 + rng.uniform(-10, 1.0) * 1000 + by_number[start.job].expected_s,
            is_stopping=rng.random() < 0.005,
        )
        for start in plan.decisions
        if isinstance(start, Start) and rng.random() < 0.995
    ]
    waiting = jobs(rng, NUM_WAITING, NUM_WAITING + 1, top, shapes)
    return View(1e6, nodes(), waiting, running, teams)


def _cpu_ms(view: View) -> float:
    began = time.process_time()
    decide(view)
    return 1000 * (time.process_time() - began)


def _profile(view: View) -> None:
    with cProfile.Profile() as profile:
        decide(view)
    pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
