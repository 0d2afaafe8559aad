"""What the launcher looks at while an attempt trains: hangs, and reasons to change its workers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from distnet.launch.hang import HangWatch
from distnet.launch.size import Size
from distnet.launch.stopping import DRAIN, RESIZE, ask_to_stop
from distnet.spec.run_folder import RunFolder

ROOM_LOOKED_AT_EVERY_S = 2.0
NODES_LOOKED_AT_EVERY_S = 1.0


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


@dataclass
class Watch:
    """Looks after one attempt."""

    folder: RunFolder
    attempt: int
    workers: int
    most: int
    """The workers that training may grow to by itself."""
    slices: int
    """The workers that there may be in any case."""
    room: Room
    asked: int | None = None
    """The workers that somebody asked for."""
    is_drained: bool = False
    """Whether a node with a worker is about to be taken away."""
    _hangs: HangWatch = field(init=False)
    _nodes_looked: float = field(default_factory=time.monotonic)
    _room_looked: float = field(default_factory=time.monotonic)
    _had_room: bool = False

    def __post_init__(self) -> None:
        self._hangs = HangWatch(self.folder, self.attempt, self.workers)

    def look(self) -> None:
        """Look at everything that is due.

        Raises:
            HangError: a worker makes no step any more.
        """
        self._hangs.look()
        self._look_for_request()
        now = time.monotonic()
        if now - self._nodes_looked > NODES_LOOKED_AT_EVERY_S:
            self._nodes_looked = now
            self._look_at_nodes()
        if self.workers < self.most and now - self._room_looked > ROOM_LOOKED_AT_EVERY_S:
            self._room_looked = now
            if self._hangs.is_training:  # else what its own workers need looks free
                self._look_for_room()

    def next_size(self, size: Size) -> Size:
        """The workers that the next attempt may have."""
        return size if self.asked is None else size.asked_for(self.asked)

    @property
    def last_sign(self) -> float:
        """Unix time of the newest sign of life that was seen; 0 if none was."""
        return self._hangs.last_sign

    def _look_for_request(self) -> None:
        wanted = take_request(self.folder, self.slices)
        if wanted is not None and wanted != self.workers:
            self.asked = wanted
            ask_to_stop(self.folder, RESIZE)

    def _look_at_nodes(self) -> None:
        if self.room.is_home_draining():
            ask_to_stop(self.folder)  # the launcher itself goes: go on from another machine
        elif not self.is_drained and self.room.is_draining(self.folder, self.workers):
            self.is_drained = True
            ask_to_stop(self.folder, DRAIN)

    def _look_for_room(self) -> None:
        """Grow when there is room twice in a row: others may be about to take it."""
        has_room = self.room.free_workers() > 0
        if has_room and self._had_room:
            ask_to_stop(self.folder, RESIZE)
        self._had_room = has_room


def take_request(folder: RunFolder, slices: int) -> int | None:
    """The number of workers that someone asked for, if so; the request is then gone.

    More than `slices` cannot be: `distnet resize` says so, a file made by hand may ask for it.
    """
    try:
        text = folder.resize.read_text()
    except OSError:
        return None
    folder.resize.unlink(missing_ok=True)
    wanted = int(text) if text.strip().isdecimal() else 0
    return min(wanted, slices) or None
