"""Carry out what the server orders, by the files in the run folder through which a run is steered.

The server repeats an order until it is carried out, and so does this: a file that was written while
the run was not there yet, or between two attempts of the launcher, is written again.
"""

import logging
from dataclasses import dataclass, field

from distnet.errors import DistnetError
from distnet.launch.placement import Placement, fewer
from distnet.protocol.attempt import Orders
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.requests import request_stop

logger = logging.getLogger(__name__)


@dataclass
class Steering:
    """Steers one run."""

    folder: RunFolder
    placement: Placement
    is_stop_ordered: bool = False
    is_over: bool = False
    """Nothing is to be steered any more: a file left behind would be meant for the next attempt."""
    _asked: int | None = field(default=None)

    def carry_out(self, orders: Orders, *, workers: int) -> None:
        """Do what is ordered.

        Args:
            orders: of the server.
            workers: that train; 0 before any do.
        """
        if orders.stop is not None:
            self.is_stop_ordered = True
            if not self.is_over:
                request_stop(self.folder)
        elif orders.workers is None or orders.workers == workers:
            self._asked = None
        elif workers and not self.is_over and orders.workers != self._asked:
            self._resize(orders.workers, orders.placement)

    def _resize(self, workers: int, placement: dict[str, int]) -> None:
        before = self.placement.nodes
        is_fewer = workers < sum(before.values())
        self.placement.give(placement or (fewer(before, workers) if is_fewer else {}))
        try:
            control.resize(self.folder, workers, wait_s=None)
        except DistnetError as error:  # the server will order it again
            logger.warning("cannot change the workers to %d: %s", workers, error)
            self.placement.give(before)
        else:
            self._asked = workers
