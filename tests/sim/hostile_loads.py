"""Loads of users who want more than their part, and the longest time that others wait for it.

    python -m tests.sim.hostile_loads

On 8 nodes with 8 CPUs each, Vic of team v submits three jobs of 300 s: of 1 worker, of 8 workers,
and of 64, which need the whole cluster. Everybody else works against him, from before his first job
until long after the bound. The bound is that of `distnet/scheduler/README.md`:

    what is ahead + what runs + his own jobs

Ahead are jobs that were submitted up to `ageing` x levels after his: the levels by which the
highest priority of the others is above his, and one, and one more if he would borrow. The others
submit more than the cluster can run, so it takes longer to run these jobs than to submit them. What
runs: the longest job twice, because the last one may start just before he is first, and may have
been stopped once.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from random import Random

from distnet.scheduler.view import Node, Policy, Team
from distnet.sim.engine import Setting, Simulation
from distnet.sim.load import SimJob, make_load

AGEING_S = 1800.0
RUN_S = 600.0
VIC_S = 300.0
NODES = tuple(Node(f"n{n}", 8, 0) for n in range(8))
SIZES = (1, 8, 64)
OVERHEAD_S = 60.0
"""For a pass of the scheduler, the grace of a stop and a restart, for each of Vic's jobs."""


@dataclass(frozen=True)
class Hostile:
    """A load: what the others submit, and the teams."""

    jobs: Callable[[float], Iterator[SimJob]]
    """Those that are submitted until a time."""
    priority: int = 0
    """The highest of them."""
    longest_s: float = RUN_S
    teams: dict[str, Team] = field(default_factory=dict)
    nodes: tuple[Node, ...] = NODES
    borrows: bool = False
    """Whether Vic's largest job is beyond the quota of his team."""
    demand: float = 1.5
    """What the others submit, as a multiple of what the cluster can run."""

    @property
    def bound_s(self) -> float:
        """The longest that a job of Vic's may wait."""
        levels = self.priority + 1 + self.borrows
        return (
            self.demand * AGEING_S * levels + 2 * self.longest_s + len(SIZES) * (VIC_S + OVERHEAD_S)
        )

    def longest_wait_s(self) -> float:
        """Simulate; returns the longest time that a job of Vic's waits for its start."""
        until_s = 2 * self.bound_s
        vics = [
            SimJob(1000.0 + n, VIC_S, size, size, user="vic", team="v", expected_s=VIC_S)
            for n, size in enumerate(SIZES)
        ]
        load = make_load([*self.jobs(until_s), *vics], "hostile")
        policy = Policy(ageing_s=AGEING_S)
        simulation = Simulation(load, Setting(self.nodes, policy, self.teams))
        mine = [run.record for run in simulation.runs if run.job.user == "vic"]
        simulation.run(lambda _: any(record.started_s is None for record in mine))
        assert all(record.started_s is not None for record in mine)
        return max((record.started_s or 0.0) - record.submit_s for record in mine)


def flood(
    until_s: float,
    *,
    every_s: float = 50.0,
    run_s: float = RUN_S,
    workers: int = 8,
    **facts: object,
) -> Iterator[SimJob]:
    """A job of some workers every few seconds: half as many again as the cluster can run."""
    base = SimJob(0.0, run_s, workers, workers, user="eve", team="h", expected_s=run_s)
    base = replace(base, **facts)  # type: ignore[arg-type]
    for n in range(int(until_s / every_s)):
        yield replace(base, submit_s=n * every_s)


def _changing(until_s: float, change: Callable[[int], dict[str, object]]) -> Iterator[SimJob]:
    for n, job in enumerate(flood(until_s)):
        yield replace(job, **change(n))  # type: ignore[arg-type]


def _array(_: float) -> Iterator[SimJob]:
    """10,000 jobs at once."""
    base = SimJob(0.0, RUN_S, 1, 1, user="eve", team="h", expected_s=RUN_S)
    return (base for _ in range(10_000))


def _inversion(until_s: float) -> Iterator[SimJob]:
    """Low priority that cannot be preempted holds all; high priority waits for it, before Vic."""
    yield from flood(until_s, every_s=100.0, priority=-10, is_preemptible=False)
    yield from flood(until_s, every_s=100.0, priority=10)


def _fragments(until_s: float) -> Iterator[SimJob]:
    """Single workers of different lengths, so that all nodes are never free together."""
    random = Random(0)
    for job in flood(until_s, every_s=7.0, workers=1):
        length_s = random.uniform(60.0, RUN_S)
        yield replace(job, runtime_s=length_s, expected_s=length_s)


def _just_in_time(until_s: float) -> Iterator[SimJob]:
    """Short jobs that fit into every gap before a reservation."""
    for n, job in enumerate(flood(until_s, every_s=20.0)):
        length_s = (30.0, 60.0, 120.0, 300.0)[n % 4]
        yield replace(job, runtime_s=length_s, expected_s=length_s)


HALVES = {name: Team(name, quota_cpus=32) for name in ("h", "v")}
MANY_QUOTAS = {f"h{n}": Team(f"h{n}", quota_cpus=8) for n in range(7)} | {
    "v": Team("v", quota_cpus=8)
}
LOADS = {
    "a flood of gangs": Hostile(flood),
    "an array of 10,000": Hostile(_array),
    "lengths that are given too short": Hostile(lambda t: flood(t, expected_s=1.0)),
    "lengths that are given too long": Hostile(lambda t: flood(t, expected_s=1e9)),
    "lengths that are not given": Hostile(lambda t: flood(t, expected_s=math.inf)),
    "elastic from 1 to 1,000": Hostile(
        lambda t: flood(
            t, run_s=4.0, every_s=60.0, min_workers=1, max_workers=1000, expected_s=4.0
        ),
        longest_s=4000.0,
    ),
    "many accounts": Hostile(lambda t: _changing(t, lambda n: {"user": f"eve-{n % 500}"})),
    "many teams": Hostile(lambda t: _changing(t, lambda n: {"team": f"h-{n % 100}"})),
    "the highest priority": Hostile(lambda t: flood(t, priority=10), priority=10),
    "all priorities in turn": Hostile(
        lambda t: _changing(t, lambda n: {"priority": n % 11}), priority=10
    ),
    "priorities that displace one another": Hostile(
        lambda t: _changing(t, lambda n: {"priority": (n * 7) % 5 - 2}), priority=2
    ),
    "inversion": Hostile(_inversion, priority=10),
    "not preemptible": Hostile(lambda t: flood(t, is_preemptible=False)),
    "gangs of the whole cluster": Hostile(lambda t: flood(t, every_s=400.0, workers=64)),
    "fragments": Hostile(_fragments),
    "short jobs into every gap": Hostile(_just_in_time, longest_s=300.0),
    "a quota of half, always full": Hostile(flood, teams=HALVES, borrows=True),
    "borrowed, and not preemptible": Hostile(
        lambda t: flood(t, is_preemptible=False), teams=HALVES, borrows=True
    ),
    "quotas of eight teams": Hostile(
        lambda t: _changing(t, lambda n: {"team": f"h{n % 7}"}), teams=MANY_QUOTAS, borrows=True
    ),
}


def main() -> None:
    """Print the longest wait of each load, beside its bound."""
    print("| load | longest wait, s | bound, s |\n|---|---|---|")  # noqa: T201
    for name, load in LOADS.items():
        print(f"| {name} | {load.longest_wait_s():,.0f} | {load.bound_s:,.0f} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
