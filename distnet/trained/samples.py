"""Images that a trained network makes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.errors import RunError
from distnet.spec.code.own_errors import own_errors
from distnet.spec.sections.job import Job
from distnet.tasks.task import Networks, Task

AT_ONCE = 100
"""Images made at once; their number does not change them."""
Progress = Callable[[int], None]
"""Called with the number of images that are made."""


def sampled(  # noqa: PLR0917
    run: Path,
    job: Job,
    task: Task,
    networks: Networks,
    num: int,
    *,
    seed: int,
    of_class: str | None,
    progress: Progress,
) -> NDArray[np.uint8]:
    """Make images, uint8 [num, C, H, W]; image i depends on the seed and i alone.

    Args:
        run: for errors.
        job: of the run.
        task: that of the job.
        networks: in evaluation mode.
        num: how many.
        seed: seed 0 makes the images that an evaluation measures.
        of_class: the name of their class; None for classes as frequent as in the training.
        progress: called after each few images.

    Raises:
        RunError: the task makes no images, or none of that class.
    """
    make: Any = getattr(task, "sample", None)
    if make is None:
        raise RunError(
            f"{run}: this run was trained with the task {job.task.kind}, which makes no images; "
            "the tasks gan and diffusion do"
        )
    if num < 1 or seed < 0:
        raise RunError(f"{run}: found {num} images with seed {seed}, expected at least 1 and 0")
    index = None if of_class is None else _index(run, job, task, of_class)
    parts: list[NDArray[np.uint8]] = []
    with own_errors(f"task {job.task.kind}", is_any=False):
        for start in range(0, num, AT_ONCE):
            numbers = range(start, min(start + AT_ONCE, num))
            parts.append(make(networks, seed, numbers, index).cpu().numpy())
            progress(numbers.stop)
    return np.concatenate(parts)


def _index(run: Path, job: Job, task: Task, of_class: str) -> int:
    classes: tuple[str, ...] = getattr(task, "classes", ())
    if not classes:
        raise RunError(
            f"{run}: found the class {of_class}, but this run was trained without classes; leave "
            f"it out, or train the task {job.task.kind} with conditional: true"
        )
    if of_class not in classes:
        raise RunError(f"{run}: found the class {of_class}, expected one of {', '.join(classes)}")
    return classes.index(of_class)
