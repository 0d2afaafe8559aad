"""Train in this process: one worker, Ray never imported."""

import traceback
from typing import Any

from distnet.errors import DistnetError, TrainingError
from distnet.launch.launcher import Look
from distnet.launch.user_error import describe
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.recorder import Tell
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work


class InlineLauncher:
    """Makes attempts in this process.

    Args:
        gpus: 1 to train on the GPU.
        listener: is told every record.
    """

    is_shared = False
    is_given = False

    def __init__(self, *, gpus: int = 0, listener: Tell | None = None) -> None:
        self._gpus, self._listener = gpus, listener

    def room(self) -> int:
        """One worker: this process."""
        return 1

    def free_workers(self) -> int:
        """No more than one."""
        return 0

    def describe_room(self, workers: int) -> str:
        """One worker: this process."""
        return f"one process trains inline, not {workers} workers: leave --inline out"

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Nobody tells."""
        return False

    def is_home_draining(self) -> bool:
        """Nobody tells."""
        return False

    def close(self) -> None:
        """Nothing is held."""

    def train(self, assignment: Assignment, workers: int, look: Look) -> dict[str, Any]:
        """Run all slices of the job in this process; `look` is not called.

        Raises:
            DistnetError: whatever the user can mend, or training itself failed.
        """
        world = WorkerGroup(device="cuda:0" if self._gpus else "cpu")
        try:
            return work(assignment, world, listener=self._listener)
        except DistnetError:
            raise
        except Exception as error:  # most often of the user's own network or task
            log = assignment.folder.worker_log(0)
            with log.open("a") as file:
                traceback.print_exc(file=file)
            raise TrainingError(
                f"training failed: {describe(error)}; the whole traceback is in {log}"
            ) from None
