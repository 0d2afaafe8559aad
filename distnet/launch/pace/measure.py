"""Measure the pace of a job: the real loop on one worker, for a few seconds.

Three small jobs with slices like those of the job are trained, and their steps are timed:

    one slice of n samples, three slices of n samples, one slice of more (or fewer) samples

What a slice takes is half of the difference of the first two; what a sample takes follows from the
third. Several processes can do this at the same time, as the workers of a machine do.
"""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import psutil
import torch

from distnet.data.batch import Batch
from distnet.launch.alone import Setting, lone_loop, prepared
from distnet.launch.pace.pace import Pace
from distnet.launch.plan import make_plan
from distnet.spec.read import JobFile
from distnet.spec.sections.job import Job
from distnet.tasks.task import Networks, shadows_of
from distnet.train.compute.evaluate import Evaluator
from distnet.train.compute.shadows import networks_for
from distnet.train.compute.trainee import Trainee
from distnet.train.device.fingerprint import read_fingerprint
from distnet.train.feed import EvaluationFeed
from distnet.train.loop import Loop

WARM_UP, WINDOWS = 6, 5
"""Steps before the clock starts (the guard watches the first three); parts of a measurement."""
MANY_SLICES = 3
MANY_STEPS = 10**9
Timed = Callable[[Callable[[], object]], float]
Together = Callable[[str], None]
"""Waits until all processes that measure side by side have reached the named point."""


def measure(
    file: JobFile, *, seconds: float, busy: int = 1, together: Together = lambda _: None
) -> Pace:
    """Measure a job in this process.

    Args:
        file: the job file.
        seconds: of each measurement.
        busy: processes that measure at the same time.
        together: waits for the others.

    Raises:
        DistnetError: the job has faults, or this machine lacks a GPU that it needs.
    """
    imported_s = time.time() - psutil.Process().create_time()
    with prepared(file, make_plan(file, workers=1)) as setting:
        return _measure(setting, seconds, busy, imported_s, together)


def _measure(
    setting: Setting, seconds: float, busy: int, imported_s: float, together: Together
) -> Pace:
    job, plan = setting.file.job, setting.plan
    samples = max(1, job.train.batch_size // job.num_slices)
    other = _other_size(samples, plan.train_samples)
    began = time.monotonic()
    with small_loop(setting, samples, 1) as loop:
        start_s = imported_s + time.monotonic() - began
        together("one slice")
        one_s = _seconds(loop.train_step, seconds)
        trainee = loop.trainee
        together("evaluation")
        evaluated_s = seconds_of_evaluated(setting, trainee, partial(_seconds, seconds=seconds))
        number_s = _addition(trainee, seconds / 4)
        state_bytes = _state_bytes(trainee)
        lengths = [
            (trainee.layouts[turn.phase.name].length, turn.phase.every) for turn in trainee.turns
        ]
    with small_loop(setting, samples, MANY_SLICES) as loop:
        together("several slices")
        slice_s = (_seconds(loop.train_step, seconds) - one_s) / (MANY_SLICES - 1)
    with small_loop(setting, other, 1) as loop:
        together("another size")
        other_s = _seconds(loop.train_step, seconds)
    slice_s = min(max(slice_s, 0.0), one_s)
    sample_s = (other_s - one_s) / (other - samples) if other != samples else slice_s / samples
    return Pace(
        job=job.name,
        device=plan.device,
        machine=_machine(setting.group.device),
        busy=busy,
        slice_samples=samples,
        slice_s=slice_s,
        sample_s=min(max(sample_s, 0.0), slice_s / samples),
        rest_s=one_s - slice_s,
        number_s=number_s,
        evaluated_sample_s=evaluated_s,
        start_s=start_s,
        row_lengths=tuple(lengths),
        state_bytes=state_bytes,
        batch_size=job.train.batch_size,
        slices=job.num_slices,
        steps=plan.steps,
        epochs=plan.epochs,
        eval_samples=plan.eval_samples,
    )


def _machine(device: str) -> str:
    """The processor that computes."""
    found = read_fingerprint(device)
    return f"{found.cpu} {found.instruction_set}" if device == "cpu" else found.device


def small_loop(setting: Setting, samples: int, slices: int) -> AbstractContextManager[Loop]:
    """The loop of a worker of the job with fewer slices."""
    return lone_loop(setting, _resized(setting.file.job, samples, slices))


def _resized(job: Job, samples: int, slices: int) -> Job:
    changes = {"batch_size": samples * slices, "slices": slices}
    endless = {"steps": MANY_STEPS, "epochs": None}
    train = job.train.model_copy(update=changes | endless)
    resources = job.resources.model_copy(update={"workers": 1})
    return job.model_copy(update={"train": train, "resources": resources})


def _other_size(samples: int, available: int) -> int:
    """Another number of samples: twice as many, or half of them where there are too few."""
    return 2 * samples if 2 * samples <= available or not available else max(1, samples // 2)


def _seconds(action: Callable[[], object], seconds: float) -> float:
    """Seconds of an action: the median of the means of several windows."""
    for _ in range(WARM_UP):
        action()
    means = []
    for _ in range(WINDOWS):
        began, count = time.perf_counter(), 0
        while (passed := time.perf_counter() - began) < seconds / WINDOWS or not count:
            action()
            count += 1
        means.append(passed / count)
    return statistics.median(means)


def seconds_of_evaluated(setting: Setting, trainee: Trainee, timed: Timed) -> float:
    """Seconds of a sample in an evaluation; `timed` gives those of an action."""
    whole, job = trainee.evaluator, trainee.job
    if whole is None:
        return 0.0
    feed = _First(whole.feed, min(whole.feed.length, job.evaluate.batch_size))
    evaluator = Evaluator(
        feed,
        trainee.task,
        whole.prepare,
        setting.group,
        slices=1,
        batch_size=job.evaluate.batch_size,
        is_bf16=setting.precision == "bf16",
    )
    networks = networks_for("evaluation", trainee.networks, shadows_of(trainee.task))
    found = timed(lambda: evaluator(networks)) / feed.length
    evaluator.close()
    return found


class _First:
    """The first samples of an evaluation, which another closes."""

    def __init__(self, feed: EvaluationFeed, length: int) -> None:
        self.length, self._feed = length, feed

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """The samples `low` to `high` (exclusive)."""
        return self._feed.take(low, high, networks)

    def close(self) -> None:
        """Leave the samples open."""


def _addition(trainee: Trainee, seconds: float) -> float:
    """Seconds to add one number of a row to another's."""
    length = max(layout.length for layout in trainee.layouts.values())
    rows: Any = torch.zeros(2, length, device=trainee.flat.vector.device)
    return _seconds(lambda: rows[0].add_(rows[1]), seconds) / length


def _state_bytes(trainee: Trainee) -> int:
    tensors = [*trainee.flat.weights().values(), *trainee.state().values()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
