"""The factor of the learning rate by step: of a shipped schedule, or of the user's own."""

import math
from collections.abc import Callable
from functools import partial
from numbers import Real
from pathlib import Path

from distnet.errors import PartError
from distnet.spec.code.own_errors import own_errors, refusal, require_members
from distnet.spec.parts import load_own_part
from distnet.spec.sections.schedule import OwnSchedule, Schedule
from distnet.train.compute.schedule import rate_factor

Factor = Callable[[int, int], float]
"""(step from 0, steps of the run) -> the factor of the learning rate."""
MOST_TRIED = 1_000
"""The steps at which a schedule is tried before a run, at equal distances."""


def build_factor(schedule: Schedule, folder: Path) -> Factor:
    """Make what a job's schedule says.

    Raises:
        UnknownPartError: the user's own cannot be loaded or made.
    """
    if isinstance(schedule, OwnSchedule):
        return OwnFactor(schedule, folder)
    return partial(rate_factor, schedule)


class OwnFactor:
    """A user's own schedule; what it returns is checked at every step.

    Raises:
        UnknownPartError: it cannot be loaded.
        PartError: it raised an error, or has no `factor`.
    """

    def __init__(self, spec: OwnSchedule, folder: Path) -> None:
        self._what = f"schedule {spec.kind}"
        cls, options = load_own_part(spec, folder=folder)
        with own_errors(self._what):
            self._own = cls(**options)
        require_members(self._own, self._what, ("factor",))

    def __call__(self, step: int, num_steps: int) -> float:
        """The factor at a step.

        Raises:
            PartError: it raised an error, or did not return a number of at least 0.
        """
        with own_errors(self._what):
            found = self._own.factor(step, num_steps)
        if not isinstance(found, Real) or not 0 <= float(found) < math.inf:
            raise refusal(self._own, "factor", found, f"a number of at least 0 at step {step}")
        return float(found)


def require_pure(spec: OwnSchedule, folder: Path, num_steps: int) -> None:
    """Refuse a schedule whose factor of a step depends on its calls for other steps before.

    A resumed run asks a new one, in the middle.

    Raises:
        PartError: it does, or a factor is no number of at least 0.
    """
    steps = range(0, num_steps, max(1, num_steps // MOST_TRIED))
    one, other = OwnFactor(spec, folder), OwnFactor(spec, folder)
    upwards = [one(step, num_steps) for step in steps]
    downwards = [other(step, num_steps) for step in reversed(steps)]
    for step, factor, again in zip(steps, upwards, reversed(downwards), strict=True):
        if factor != again:
            raise PartError(
                f"schedule {spec.kind}: factor({step}, {num_steps}) returned {factor:g}, and "
                f"{again:g} when it was called for later steps first, so a resumed run would "
                "learn something else: compute it from its arguments alone"
            )
