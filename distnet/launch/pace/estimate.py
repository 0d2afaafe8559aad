"""How long a run will take here: a few steps and an evaluation of some samples are timed.

Quicker and coarser than `measure.py`: one slice on one core, without what workers exchange.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from distnet.errors import DistnetError
from distnet.launch.alone import prepared
from distnet.launch.pace.measure import seconds_of_evaluated, small_loop
from distnet.launch.plan import Plan, make_plan
from distnet.spec.plural import counted
from distnet.spec.read import JobFile

WORTH_S = 60.0
"""Shorter runs are not worth the start of more workers."""
WARM_UP, LEAST_S = 2, 0.1
"""Actions before the clock starts, and how long it runs at least."""


@dataclass(frozen=True)
class Estimate:
    """How long a run takes on this machine, if it is trained to its last step."""

    step_s: float
    """Of one step, with as many workers as planned."""
    evaluation_s: float
    """Of one evaluation."""
    num_evaluations: int
    seconds: float
    """Of the whole run, without the start of the workers."""


def estimate(file: JobFile, plan: Plan) -> Estimate:
    """Time a slice and an evaluation of a job in this process.

    Raises:
        DistnetError: this machine lacks a GPU or instructions that the job needs.
    """
    job = file.job
    unguarded = job.train.model_copy(update={"guard": "off"})  # else the first steps count twice
    file = replace(file, job=job.model_copy(update={"train": unguarded}))
    with (
        prepared(file, plan) as setting,
        small_loop(setting, max(1, job.train.batch_size // job.num_slices), 1) as loop,
    ):
        slice_s = _seconds(loop.train_step)
        evaluated_s = seconds_of_evaluated(setting, loop.trainee, _seconds)
    own = max(stop - start for start, stop in plan.slices_per_worker)
    step_s, evaluation_s = own * slice_s, evaluated_s * plan.eval_samples / plan.workers
    count = -(-round(plan.epochs * 1000) // (1000 * job.evaluate.every_epochs))
    count *= plan.eval_samples > 0
    final_s = evaluated_s * plan.final_samples / plan.workers
    seconds = plan.steps * step_s + count * evaluation_s + final_s
    return Estimate(step_s, evaluation_s, count, seconds)


def plan_and_time(
    file: JobFile, *, workers: int | None, inline: bool
) -> tuple[Plan, Estimate | None, str]:
    """Plan a job and time it; without an estimate, why: it may be for another machine.

    Raises:
        DistnetError: the job, its parts, its data and this machine do not fit together.
    """
    plan = make_plan(file, workers=workers, inline=inline)
    try:
        return plan, estimate(file, plan), ""
    except DistnetError as error:
        return plan, None, str(error).splitlines()[0]


def idle_note(file: JobFile, plan: Plan, found: Estimate | None) -> str:
    """Say that more workers would be quicker; empty where they would not, or not by much."""
    cores, cpus = os.cpu_count() or 1, file.job.num_cpus
    possible = min(plan.slices, cores // cpus)
    if found is None or plan.device != "cpu" or found.seconds < WORTH_S or possible <= plan.workers:
        return ""
    used = min(cores, plan.workers * cpus)
    return (
        f"{used} of {counted(cores, 'core')} compute: {counted(possible, 'worker')} would take "
        f"about {plan.workers / possible:.0%} of the time; set resources.workers: {possible}, or "
        f"--workers {possible}"
    )


def _seconds(action: Callable[[], object]) -> float:
    """Seconds of an action, as a mean."""
    for _ in range(WARM_UP):
        action()
    began, count = time.perf_counter(), 0
    while time.perf_counter() - began < LEAST_S or not count:
        action()
        count += 1
    return (time.perf_counter() - began) / count
