"""The interface of a tracker, and what it gets of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from distnet.run_folder.records.trackers import Tracked


class NotSetUpError(Exception):
    """What the user has to do before this tracker can be used, such as to set its address."""


@dataclass(frozen=True)
class TrackedRun:
    """A run, as trackers show it."""

    name: str
    job: str
    """The name of the job; runs of one job are shown together."""
    folder: Path
    parameters: dict[str, str]
    """Every key of the job file with its value, without `env`."""
    facts: dict[str, str]
    """Other facts, such as the number of parameters."""


@dataclass(frozen=True)
class Point:
    """Numbers at one step."""

    step: int
    time: float
    """In seconds since 1970."""
    values: dict[str, float]


class Tracker(Protocol):
    """One client of a tracker; any of its methods may raise whatever the client raises."""

    def begin(self, run: TrackedRun, before: Tracked) -> Tracked:
        """Begin a run, or continue the one of an earlier attempt, if `before` has an id."""
        ...

    def is_up(self) -> bool:
        """Whether the tracker answers at all."""
        ...

    def log(self, points: Sequence[Point]) -> None:
        """Send numbers, in the order of their steps."""
        ...

    def end(self, status: str) -> None:
        """The run is `finished`, `stopped`, or `failed`."""
        ...
