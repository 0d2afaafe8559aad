"""The sum of a gradient of the digits over 2 workers: shared memory against gloo's all-reduce.

python -m tests.bench.exchange
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist

from distnet.train.exchange.reduce import build_sum
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.processes import run_workers

LENGTH, REPEATS = 13_005, 1001


def measure(group: WorkerGroup) -> tuple[float, float]:
    """Milliseconds of one sum: ours, and gloo's; medians."""
    torch.set_num_threads(1)
    ours, row = build_sum(group, group.size, LENGTH), torch.ones(LENGTH)
    times = _median_ms(ours), _median_ms(lambda: dist.all_reduce(row))
    ours.close()
    return times


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        ours_ms, gloo_ms = run_workers(measure, 2, Path(folder))[0]
    print(f"shared memory {ours_ms:.3f} ms, gloo {gloo_ms:.3f} ms")  # noqa: T201


def _median_ms(function: Callable[[], object]) -> float:
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


if __name__ == "__main__":
    main()
