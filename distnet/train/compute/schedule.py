"""The learning rate as a pure function of the step and the number of steps.

Each schedule has, at every step, the rate of torch's own scheduler:

    constant     LinearLR for the warm-up
    cosine       LinearLR, then CosineAnnealingLR over the rest of the steps
    step         StepLR, times LinearLR for the warm-up
    one-cycle    OneCycleLR without its cycle of the momentum
    exponential  ExponentialLR, which begins at any fraction of the rate

Part of a step is possible here, where a fraction of the steps is not a whole number.
"""

from math import cos, floor, pi, pow
from typing import assert_never

from distnet.spec.sections.schedule import (
    Constant,
    Cosine,
    Exponential,
    OneCycle,
    Shipped,
    Step,
)


def rate_factor(schedule: Shipped, step: int, num_steps: int) -> float:
    """The factor of the learning rate at `step` (from 0) of `num_steps`."""
    progress = step / num_steps
    match schedule:
        case Constant():
            return _warm_up(schedule.warmup, step, num_steps)
        case Cosine():
            rest = max(0.0, progress - schedule.warmup) / (1 - schedule.warmup)
            return _warm_up(schedule.warmup, step, num_steps) * _cosine(1.0, schedule.final, rest)
        case Step():
            stairs = floor(progress / schedule.every + 1e-9)
            return _warm_up(schedule.warmup, step, num_steps) * schedule.factor**stairs
        case OneCycle():
            return _one_cycle(schedule, step, num_steps)
        case Exponential():
            return schedule.first * pow(schedule.final / schedule.first, progress)
        case _:
            assert_never(schedule)


def _one_cycle(schedule: OneCycle, step: int, num_steps: int) -> float:
    """Rise to 1 at the last step of the first part, and fall to the last rate at the last step."""
    top, last = schedule.peak * num_steps - 1, num_steps - 1
    if step < top:
        return _cosine(schedule.first, 1.0, step / top)
    return _cosine(1.0, schedule.final, (step - top) / (last - top))


def _warm_up(part: float, step: int, num_steps: int) -> float:
    """Grow to 1 in equal parts, one at each step of the warm-up."""
    return min(1.0, (step + 1) / max(1.0, part * num_steps))


def _cosine(first: float, last: float, progress: float) -> float:
    return last + (first - last) * (1 + cos(pi * progress)) / 2
