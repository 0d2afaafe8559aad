"""A step that fails again and again: most often one of its samples is to blame."""

from pathlib import Path

from distnet.errors import DistnetError, PoisonStepError
from distnet.launch.budget import SAME_STEP
from distnet.train.assignment import Assignment
from distnet.train.which_samples import samples_of_step

SHOWN = 8


def describe_poison(error: DistnetError, assignment: Assignment, step: int) -> PoisonStepError:
    """Name the step after `step`, and the samples of its slices by their places in the split."""
    try:
        slices = samples_of_step(assignment.job, Path(assignment.dataset), step + 1)
    except DistnetError as unreadable:
        samples = f"cannot be told: {unreadable}"
    else:
        samples = "; ".join(f"slice {i}: {_some(ids)}" for i, ids in enumerate(slices))
    return PoisonStepError(
        f"step {step + 1} failed {SAME_STEP} times in the same way, so it is not tried again. "
        f"Look at its samples (rows of the train split, counted from 0): {samples}\n{error}"
    )


def _some(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:SHOWN]))
    return shown + (f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else "")
