"""What makes attempts: this process (`inline.py`), or a Ray (`ray_train.py`)."""

from typing import Any, Protocol

from distnet.launch.watch import Look, Room
from distnet.train.assignment import Assignment


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
