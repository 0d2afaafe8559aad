"""The updates of a step: each phase of the task, as often as it says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from distnet.tasks.task import Phase


@dataclass(frozen=True, slots=True)
class Turn:
    """One update of one player."""

    phase: Phase
    draw: int
    """Which of the step's batches it takes."""
    key: tuple[int, ...]
    """Its random numbers depend on this, after (seed, step, slice); empty for the first."""


class SliceId(NamedTuple):
    """Which slice of which update of which step."""

    turn: Turn
    step: int
    """From 0."""
    slice: int


def turns_of(phases: Sequence[Phase]) -> tuple[Turn, ...]:
    """All updates of a step, in order; those of phases with `every` > 1 are not in every step.

    Raises:
        ValueError: phases that are not possible, or that have the same name.
    """
    _require_possible(phases)
    turns: list[Turn] = []
    draw = -1
    for phase in phases:
        for _ in range(phase.repeat):
            draw += phase.batch == "new"
            turns.append(Turn(phase, draw, (len(turns),) if turns else ()))
    return tuple(turns)


def num_draws(phases: Sequence[Phase]) -> int:
    """How many batches of samples a step takes."""
    return sum(phase.repeat for phase in phases if phase.batch == "new")


def _require_possible(phases: Sequence[Phase]) -> None:
    names = [phase.name for phase in phases]
    if not names or len(set(names)) != len(names):
        raise ValueError(f"phases: found {names or 'none'}, expected distinct names")
    if phases[0].batch != "new":
        raise ValueError(f"phase {names[0]}: the first phase of a step must take a new batch")
    for phase in phases:
        if phase.every < 1 or phase.repeat < 1:
            raise ValueError(f"phase {phase.name}: every and repeat must be at least 1")
        if phase.every > 1 and phase.batch == "new":
            raise ValueError(
                f"phase {phase.name}: found every: {phase.every} with batch: new, expected "
                '"same": samples of a batch that is not taken in every step would be left out'
            )
