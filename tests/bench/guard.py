"""What the guard costs: the loop of `jobs/digits.yaml` on one worker, with and without it.

    python -m tests.bench.guard [--turns 5] [--json]

The sides take turns of a whole attempt of 3,000 steps each, in which the guard computes six slices
twice: at steps 1 to 3 and at every 1,000th. All times are CPU times of this process, which other
load disturbs less than clock times; the ratio is taken turn by turn. The noise may still be larger
than the cost, so the time within the guard is measured as well.
"""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from distnet.data.shipped import find_dataset
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.spec.read import read_job
from distnet.train.checkpoint.position import Position
from distnet.train.compute.trainee import build
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.loop import Loop
from tests.bench.turns import print_measured

JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
STEPS = 3000


class Timed:
    """Calls a function and adds up the CPU time that it takes."""

    def __init__(self, function: Any) -> None:
        self._function, self.seconds = function, 0.0

    def __call__(self, *arguments: Any) -> Any:
        began = time.process_time()
        try:
            return self._function(*arguments)
        finally:
            self.seconds += time.process_time() - began


def attempt(guard: str) -> tuple[float, float]:
    """CPU seconds of an attempt's steps, and of those within the guard."""
    job = read_job(JOB, overrides=[f"train.guard={guard}"]).job.resolved()
    dataset = find_dataset("mnist", folder=Path())
    with tempfile.TemporaryDirectory() as folder:
        beat = Path(folder, "beat")
        heartbeat = Heartbeat(beat, attempt=1, after_s=600, log=Path(folder, "log"))
        with heartbeat:
            trainee = build(job, dataset, Path(), WorkerGroup(), "fp32")
            loop = Loop(trainee, WorkerGroup(), Position(), heartbeat)
            heartbeat.begin(0)
            timed = [Timed(getattr(loop.guard, name)) for name in ("begin", "compare")]
            if guard == "on":
                loop.guard.begin, loop.guard.compare = timed  # type: ignore[method-assign]
            began = time.process_time()
            for _ in range(STEPS):
                loop.train_step()
            passed = time.process_time() - began
            trainee.close()
    return passed, sum(each.seconds for each in timed)


def measure(turns: int) -> dict[str, float]:
    """Medians over all turns."""
    torch.set_num_threads(1)
    attempt("off")  # warm up
    pairs = [(attempt("on"), attempt("off")) for _ in range(turns)]
    return {
        "steps_per_second_on": statistics.median(STEPS / on for (on, _), _ in pairs),
        "steps_per_second_off": statistics.median(STEPS / off for _, (off, _) in pairs),
        "ratio": statistics.median(off / on for (on, _), (off, _) in pairs),
        "share_percent": 100 * statistics.median(within / on for (on, within), _ in pairs),
    }


if __name__ == "__main__":
    print_measured(measure, __doc__)
