"""The sum of a gradient of the digits over 2 workers: shared memory against gloo's all-reduce.

python -m tests.bench.exchange

Also what a worker does for each small message of gloo that it sends or receives, among many.
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
MESSAGES, MESSAGE_REPEATS = 256, 21


def measure(group: WorkerGroup) -> tuple[float, float, float]:
    """Milliseconds of one sum, ours and gloo's, and of a message; medians."""
    torch.set_num_threads(1)
    ours, row = build_sum(group, group.size, LENGTH), torch.ones(LENGTH)
    ours_ms, gloo_ms = _median_ms(ours), _median_ms(lambda: dist.all_reduce(row))
    ours.close()
    batch_ms = _median_ms(lambda: _exchange_many(1 - group.rank), MESSAGE_REPEATS)
    return ours_ms, gloo_ms, batch_ms / (2 * MESSAGES)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        ours_ms, gloo_ms, message_ms = run_workers(measure, 2, Path(folder))[0]
    print(f"shared memory {ours_ms:.3f} ms, gloo {gloo_ms:.3f} ms")  # noqa: T201
    print(f"a message of gloo {1000 * message_ms:.1f} us")  # noqa: T201


def _exchange_many(other: int) -> None:
    """Send many small messages to the other worker, and receive as many."""
    moves = []
    for tag, numbers in enumerate(torch.zeros(MESSAGES, 2, 16)):
        moves.append(dist.P2POp(dist.isend, numbers[0], other, tag=tag))
        moves.append(dist.P2POp(dist.irecv, numbers[1], other, tag=tag))
    for work in dist.batch_isend_irecv(moves):
        work.wait()


def _median_ms(function: Callable[[], object], repeats: int = REPEATS) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


if __name__ == "__main__":
    main()
