"""What makes attempts: this process (`inline.py`), or a Ray (`ray/launcher.py`)."""

from collections.abc import Callable
from typing import Any, Protocol

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder

Poll = Callable[[], None]
"""Called a few times a second while an attempt trains; what it raises ends the attempt."""


class Nodes(Protocol):
    """What is known of the machines."""

    def free_workers(self) -> int:
        """How many more workers would fit now."""
        ...

    def is_home_draining(self) -> bool:
        """Whether the launcher's own node is being drained."""
        ...

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Whether a node with one of the workers is being drained."""
        ...


class Launcher(Nodes, Protocol):
    """Makes one attempt after the other on the same machines."""

    @property
    def is_shared(self) -> bool:
        """Whether others use the same machines, so that they may be busy."""
        ...

    @property
    def has_placement(self) -> bool:
        """Whether a server allocated the resources: only the server can replace lost ones."""
        ...

    def capacity(self) -> int:
        """How many workers would fit if nobody else used the machines."""
        ...

    def describe_shortage(self, workers: int) -> str:
        """Say what is missing for this many workers, and what to do."""
        ...

    def train(self, assignment: Assignment, workers: int, poll: Poll) -> dict[str, Any]:
        """Make one attempt; returns what rank 0 returned."""
        ...

    def close(self) -> None:
        """Release the machines."""
        ...
