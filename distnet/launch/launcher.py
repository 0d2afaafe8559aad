"""What makes attempts: this process (`inline.py`), or a Ray (`ray_train.py`)."""

from collections.abc import Callable
from typing import Any, Protocol

from distnet.run_folder.assignment import Assignment
from distnet.run_folder.paths import RunFolder

Look = Callable[[], None]


class Room(Protocol):
    """What is known of the machines."""

    def free_workers(self) -> int:
        """How many workers more would fit now."""
        ...

    def is_home_draining(self) -> bool:
        """Whether the node of the launcher is about to be taken away."""
        ...

    def is_draining(self, folder: RunFolder, workers: int) -> bool:
        """Whether a node with one of the workers is about to be taken away."""
        ...


class Launcher(Room, Protocol):
    """Makes one attempt after the other on the same machines."""

    @property
    def is_shared(self) -> bool:
        """Whether others use the same machines, so that there may be no room at the moment."""
        ...

    @property
    def is_given(self) -> bool:
        """Whether a server gave the room: what is lost of it does not come back by itself."""
        ...

    def room(self) -> int:
        """How many workers there could be if nobody else used the machines."""
        ...

    def describe_room(self, workers: int) -> str:
        """What is missing for so many workers, and what to do."""
        ...

    def train(self, assignment: Assignment, workers: int, look: Look) -> dict[str, Any]:
        """Make one attempt; `look` is called a few times a second, and may raise to end it."""
        ...

    def close(self) -> None:
        """Let go of the machines."""
        ...
