"""Carry out the server's instructions, through files in the run folder.

The server repeats an instruction until it is carried out, and so does this: a file that was written
before the run existed, or between two attempts of the launcher, is written again.
"""

import logging
from dataclasses import dataclass, field

from distnet.errors import DistnetError
from distnet.launch.placement import Placement, fewer
from distnet.protocol.attempt import Instructions
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.requests import request_stop

logger = logging.getLogger(__name__)


@dataclass
class RunControl:
    """Stops and resizes one run."""

    folder: RunFolder
    placement: Placement
    is_stop_requested: bool = False
    is_over: bool = False
    """The run has ended: a file that is written now would reach the next attempt instead."""
    _requested_workers: int | None = field(default=None)

    def carry_out(self, instructions: Instructions, *, workers: int) -> None:
        """Carry out instructions.

        Args:
            instructions: of the server.
            workers: the current number of workers; 0 before any train.
        """
        wanted = instructions.workers
        if instructions.stop is not None:
            self.is_stop_requested = True
            if not self.is_over:
                request_stop(self.folder)
        elif wanted is None or wanted == workers:
            self._requested_workers = None
        elif workers and not self.is_over and wanted != self._requested_workers:
            self._resize(wanted, instructions.placement)

    def _resize(self, workers: int, placement: dict[str, int]) -> None:
        before = self.placement.nodes
        is_fewer = workers < sum(before.values())
        self.placement.give(placement or (fewer(before, workers) if is_fewer else {}))
        try:
            control.resize(self.folder, workers, wait_s=None)
        except DistnetError as error:  # the server repeats the instruction
            logger.warning("cannot change the number of workers to %d: %s", workers, error)
            self.placement.give(before)
        else:
            self._requested_workers = workers
