"""Train in this process: one worker, Ray never imported."""

import traceback
from typing import Any

from distnet.errors import DistnetError, TrainingError
from distnet.launch.planned_stop import planned_stop
from distnet.launch.user_error import describe
from distnet.train.assignment import Assignment
from distnet.train.record import Tell
from distnet.train.worker import work
from distnet.train.world import World


def train_inline(
    assignment: Assignment, *, gpus: int = 0, listener: Tell | None = None
) -> dict[str, Any]:
    """Run all slices of the job in this process.

    The first Ctrl-C asks for a planned stop, the second interrupts at once.

    Raises:
        DistnetError: whatever the user can mend, or training itself failed.
    """
    world = World(device="cuda:0" if gpus else "cpu")
    with planned_stop(assignment.folder.stop):
        try:
            return work(assignment, world, listener=listener)
        except DistnetError:
            raise
        except Exception as error:  # most often of the user's own network or task
            log = assignment.folder.worker_log(0)
            with log.open("a") as file:
                traceback.print_exc(file=file)
            raise TrainingError(
                f"training failed: {describe(error)}; the whole traceback is in {log}"
            ) from None
