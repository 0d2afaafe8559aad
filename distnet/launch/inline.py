"""Train in this process: one worker, Ray never imported."""

from typing import Any

from distnet.launch.planned_stop import planned_stop
from distnet.train.assignment import Assignment
from distnet.train.record import Tell
from distnet.train.worker import work
from distnet.train.world import World


def train_inline(
    assignment: Assignment, *, gpus: int = 0, listener: Tell | None = None
) -> dict[str, Any]:
    """Run all slices of the job in this process.

    The first Ctrl-C asks for a planned stop, the second interrupts at once.
    """
    world = World(device="cuda:0" if gpus else "cpu")
    with planned_stop(assignment.folder.stop):
        return work(assignment, world, listener=listener)
