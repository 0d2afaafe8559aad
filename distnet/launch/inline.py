"""Train in this process: one worker, Ray never imported."""

import traceback
from typing import Any

from distnet.errors import DeviceError, DistnetError, TrainingError
from distnet.launch.launcher import Poll
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import Emit
from distnet.spec.code.own_errors import describe, own_stack
from distnet.spec.printable import argument
from distnet.train.device.device import claim_gpu
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work


class InlineLauncher:
    """Makes attempts in this process.

    Args:
        gpus: 1 to train on the GPU.
        listener: receives every record.
    """

    is_shared = False
    has_placement = False

    def __init__(self, *, gpus: int = 0, listener: Emit | None = None) -> None:
        self._gpus, self._listener = gpus, listener

    def capacity(self) -> int:
        """One worker: this process."""
        return 1

    def free_workers(self) -> int:
        """None beside this process."""
        return 0

    def describe_shortage(self, workers: int) -> str:
        """Say that this process is the only worker."""
        return f"found {workers} workers, but --inline trains in one process: omit --inline"

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Unknown without Ray, so no."""
        return False

    def is_home_draining(self) -> bool:
        """Unknown without Ray, so no."""
        return False

    def close(self) -> None:
        """Nothing is held."""

    def train(self, assignment: Assignment, workers: int, poll: Poll) -> dict[str, Any]:
        """Run all slices of the job in this process; `poll` is not called.

        Raises:
            DistnetError: the user can fix it, or training itself failed.
        """
        group = WorkerGroup(device=claim_gpu(0) if self._gpus else "cpu")
        try:
            return work(assignment, group, listener=self._listener)
        except DeviceError as error:
            run = argument(assignment.folder.path)
            raise DeviceError(
                f"{error}. This process cannot use the GPU again; continue in a new one with: "
                f"distnet run --inline --resume {run}"
            ) from None
        except (DistnetError, KeyboardInterrupt):
            raise
        except BaseException as error:  # most often of the user's own network or task
            log = assignment.folder.worker_log(0)
            with log.open("a", encoding="utf-8", errors="backslashreplace") as file:
                traceback.print_exc(file=file)
            raise TrainingError(
                f"training failed: {describe(error)}; the full traceback is in {log}"
                f"{own_stack(error)}"
            ) from None
