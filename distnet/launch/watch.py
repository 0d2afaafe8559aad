"""Poll an attempt while it trains: for hangs, and for reasons to change its workers."""

import time
from dataclasses import dataclass, field

from distnet.launch.hang_watch import HangWatch
from distnet.launch.launcher import Nodes
from distnet.launch.sizing import WorkerRange
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.requests import DRAIN, RESIZE, request_stop, take_requested_workers

CAPACITY_POLL_S = 2.0
NODES_POLL_S = 1.0


@dataclass
class Watch:
    """Watches one attempt."""

    folder: RunFolder
    attempt: int
    workers: int
    most: int
    """The workers that training may grow to by itself."""
    slices: int
    """The most workers that a user may request."""
    nodes: Nodes
    requested: int | None = None
    """The workers that a user requested."""
    is_drained: bool = False
    """Whether a node with a worker is being drained."""
    _hangs: HangWatch = field(init=False)
    _nodes_polled: float = field(default_factory=time.monotonic)
    _capacity_polled: float = field(default_factory=time.monotonic)
    _had_capacity: bool = False

    def __post_init__(self) -> None:
        self._hangs = HangWatch(self.folder, self.attempt, self.workers)

    def poll(self) -> None:
        """Check everything that is due.

        Raises:
            HangError: a worker makes no progress.
        """
        self._hangs.poll()
        self._poll_request()
        now = time.monotonic()
        if now - self._nodes_polled > NODES_POLL_S:
            self._nodes_polled = now
            self._poll_nodes()
        if self.workers < self.most and now - self._capacity_polled > CAPACITY_POLL_S:
            self._capacity_polled = now
            if self._hangs.is_training:  # before, the resources of its own workers seem free
                self._poll_capacity()

    def next_limits(self, limits: WorkerRange) -> WorkerRange:
        """The numbers of workers that the next attempt may have."""
        return limits if self.requested is None else limits.requested(self.requested)

    @property
    def last_beat(self) -> float:
        """Unix time at which a heartbeat last changed; 0 before the first."""
        return self._hangs.last_beat

    def _poll_request(self) -> None:
        wanted = take_requested_workers(self.folder, self.slices)
        if wanted is not None and wanted != self.workers:
            self.requested = wanted
            request_stop(self.folder, RESIZE)

    def _poll_nodes(self) -> None:
        if self.nodes.is_home_draining():
            request_stop(self.folder)  # the launcher's own node: resume from another machine
        elif not self.is_drained and self.nodes.is_draining(self.folder, self.workers):
            self.is_drained = True
            request_stop(self.folder, DRAIN)

    def _poll_capacity(self) -> None:
        """Grow when a worker fits twice in a row: others may be about to take the resources."""
        has_capacity = self.nodes.free_workers() > 0
        if has_capacity and self._had_capacity:
            request_stop(self.folder, RESIZE)
        self._had_capacity = has_capacity
