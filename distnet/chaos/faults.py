"""Which faults strike a trial, and when: drawn from the seed, so that a trial can be repeated."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from distnet.errors import RunError

WORKER0, OTHER, CONTROLLER, DRIVER = "worker0", "other", "controller", "driver"
RAYLET, STOP, PLAN = "raylet", "stop", "plan"
KINDS = {
    WORKER0: "SIGKILL of the worker of rank 0",
    OTHER: "SIGKILL of another worker, or of the only one",
    CONTROLLER: "SIGKILL of Ray Train's controller",
    DRIVER: "SIGKILL of distnet run, then --resume",
    RAYLET: "SIGKILL of a second node's raylet, alone or with all its workers",
    STOP: "SIGSTOP of a worker, which then hangs",
    PLAN: "SIGTERM to distnet run, a planned stop, then --resume",
}
ALIASES = {"worker": (WORKER0, OTHER)}
PROCESS_KINDS = (WORKER0, OTHER, CONTROLLER, DRIVER)
NODE_KINDS = (RAYLET,)


@dataclass(frozen=True)
class Fault:
    """One fault of a trial."""

    kind: str
    step: int
    """It strikes as soon as a worker has completed this many steps."""
    choice: float
    """In [0, 1): selects the worker, or how much of a node, where there is a choice."""


def read_kinds(text: str) -> tuple[str, ...]:
    """Read `worker,driver`: the kinds in the order in which trials use them; `worker` is two kinds.

    Raises:
        RunError: a name is unknown, or no name is given.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    wrong = [name for name in names if name not in KINDS and name not in ALIASES]
    if wrong or not names:
        known = ", ".join([*ALIASES, *KINDS])
        found = ", ".join(wrong) or "nothing"
        raise RunError(f"--kill: found {found}, expected some of {known}, as in worker,driver")
    kinds = [kind for name in names for kind in ALIASES.get(name, (name,))]
    return tuple(dict.fromkeys(kinds))


def draw_faults(
    kinds: Sequence[str], *, seed: int, trial: int, count: int, num_steps: int, misses: int = 0
) -> tuple[Fault, ...]:
    """Draw the faults of one trial, in the order of their steps.

    Kinds take turns from trial to trial. The faults of a trial depend on no other trial.

    Args:
        kinds: the kinds, at least one.
        seed: of all trials.
        trial: counts from 0.
        count: how many faults.
        num_steps: of the whole job.
        misses: how often this trial's run ended before its faults struck; each halves the steps
            from which they are drawn.
    """
    random = Random(f"{seed} {trial} {misses}")  # a text is hashed the same on every machine
    last = max(1, (num_steps - 1) >> misses)
    steps = sorted(random.randint(1, last) for _ in range(count))
    return tuple(
        Fault(kinds[(trial * count + turn) % len(kinds)], step, random.random())
        for turn, step in enumerate(steps)
    )
