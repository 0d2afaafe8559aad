"""CPU time of one scheduler pass, and of `explain`, over clusters and queues of several kinds.

Garbage collection is configured as in the server.

python -m tests.bench.scheduler [--nodes 1000] [--running 10000] [--waiting 10000]
                                 [--explain] [--profile]
"""

import argparse
import cProfile
import pstats
import statistics
import time
from collections.abc import Callable, Iterator

from distnet.scheduler.decide import decide
from distnet.scheduler.explain import explain
from distnet.scheduler.view import View
from distnet.server.loop.garbage import rare_full_collections
from tests.bench.scheduler_loads import LOADS, empty, full

REPEATS = 5


def main() -> None:
    """Run and print the benchmark."""
    parser = argparse.ArgumentParser()
    for name, count in (("nodes", 1000), ("running", 10_000), ("waiting", 10_000)):
        parser.add_argument(f"--{name}", type=int, default=count)
    for name in ("explain", "profile"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    for name, view in views(options.nodes, options.running, options.waiting):
        plan = decide(view)
        with rare_full_collections():
            times = [_cpu_ms(lambda view=view: decide(view)) for _ in range(REPEATS)]
        counts = f"{len(view.allocations):,} run, {len(plan.decisions):,} decisions"
        print(f"{name:22} median {statistics.median(times):7.1f} ms ({counts})", flush=True)  # noqa: T201
        if options.explain and plan.queue:
            job = plan.queue[len(plan.queue) // 2].job
            once = _cpu_ms(lambda view=view, job=job: explain(view, job))
            print(f"{'':22} explain {once:6.1f} ms")  # noqa: T201
        if options.profile:
            _profile(view)


def views(num_nodes: int, num_running: int, num_waiting: int) -> Iterator[tuple[str, View]]:
    """A full cluster with each load, and an empty one."""
    for name, load in LOADS.items():
        yield name, full(load, num_nodes, num_running, num_waiting)
    yield "empty, all may start", empty(LOADS["equal jobs"], num_nodes, num_waiting)


def _cpu_ms(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)


def _profile(view: View) -> None:
    with cProfile.Profile() as profile:
        decide(view)
    pstats.Stats(profile).sort_stats("tottime").print_stats(18)


if __name__ == "__main__":
    main()
