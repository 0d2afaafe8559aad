"""The pace of a job from elsewhere: an earlier forecast, or a run that has trained."""

import statistics
import timeit
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from distnet.errors import DistnetError
from distnet.launch.pace.pace import Pace, read_pace
from distnet.report.find import find_run
from distnet.report.run import Run, read_run
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.records.kinds import Attempt
from distnet.run_folder.workers.node_ids import read_node
from distnet.spec.sections.job import Job

STATE_VECTORS = {"sgd": 2, "adam": 3, "adamw": 3, "lion": 2}
"""Weights and optimizer, in vectors as long as the weights."""


def read_source(reference: str, runs: Path, job: Job) -> tuple[Pace, str]:
    """Read a pace from the JSON of an earlier forecast, or from a run.

    Args:
        reference: a file; or a run, by name, folder or `latest`.
        runs: the folder of runs.
        job: what is forecast.

    Returns:
        The pace, and what to call its source.

    Raises:
        DistnetError: it is neither, or of another job.
    """
    path = Path(reference)
    if path.is_file():
        source = f"as {path} says"
        pace = read_pace(read_object(path).get("measured"), str(path))
    else:
        folder = find_run(reference, runs)
        source = f"as in run {folder.name}"
        pace = pace_of_run(read_run(folder), job)
    for name, own in (("batch_size", job.train.batch_size), ("slices", job.num_slices)):
        found = getattr(pace, name)
        if found != own:
            raise DistnetError(
                f"{reference}: found train.{name} {found:,}, but the job has {own:,}; leave out "
                "--from to measure the job"
            )
    return pace, source


def pace_of_run(run: Run, job: Job) -> Pace:
    """Compute a pace from the records of a run whose workers were on one machine.

    A step counts as its slices alone, so that what every slice takes cannot be separated from its
    samples; evaluations are not timed.

    Raises:
        DistnetError: no attempt was on one machine and recorded a few steps.
    """
    attempt, speed = _one_machine(run)
    plan, slices = run.plan, attempt.slices
    own = -(-slices // attempt.workers)
    batch_size = int(plan["batch_size"])
    slice_s = batch_size / speed / own
    most = max(high - low for low, high in plan["slices_per_worker"])
    length = int(plan["memory_bytes"]["gradients"]) // (4 * (most + 2))
    environment: Any = run.environment
    return Pace(
        job=job.name,
        device=str(plan["device"]),
        machine=str(environment.get("hostname", "another machine")),
        busy=attempt.workers,
        slice_samples=batch_size / slices,
        slice_s=slice_s,
        sample_s=slice_s * slices / batch_size,
        rest_s=0.0,
        number_s=_number_s(length),
        evaluated_sample_s=0.0,
        start_s=0.0,
        row_lengths=((length, 1),),
        state_bytes=_state_bytes(plan, job),
        batch_size=batch_size,
        slices=slices,
        steps=int(plan["steps"]),
        epochs=float(plan["epochs"]),
        eval_samples=0,
    )


def _state_bytes(plan: Mapping[str, Any], job: Job) -> int:
    """Weights and optimizer; the plan has measured one of the user's own."""
    weights = 4 * int(plan["num_parameters"])
    if job.optimizer.kind in STATE_VECTORS:
        return weights * STATE_VECTORS[job.optimizer.kind]
    return weights + int(plan["memory_bytes"]["optimizer"])


def _one_machine(run: Run) -> tuple[Attempt, float]:
    """The newest attempt whose workers were on one machine, and its samples/s."""
    for attempt in reversed(run.history.attempts):
        steps = [step for step in run.history.steps if step.attempt == attempt.attempt]
        speeds = [step.samples_per_second for step in steps[1:]]  # the first has warmed up
        if len(speeds) > 1 and _is_on_one_machine(run.folder, attempt):
            return attempt, statistics.median(speeds)
    raise DistnetError(
        f"{run.folder.path}: found no attempt on one machine with three recorded steps, whose "
        "steps would be free of links; leave out --from to measure the job"
    )


def _is_on_one_machine(folder: RunFolder, attempt: Attempt) -> bool:
    nodes = {read_node(folder, rank) for rank in range(attempt.workers)}
    return attempt.workers == 1 or (len(nodes) == 1 and "" not in nodes)


def _number_s(length: int) -> float:
    """Seconds to add a number of a row to another's, on this machine."""
    rows = np.zeros((2, length), np.float32)
    best = min(timeit.repeat(lambda: np.add(rows[0], rows[1], rows[0]), number=5, repeat=5))
    return best / 5 / length
