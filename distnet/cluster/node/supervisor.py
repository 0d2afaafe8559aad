"""Runs the parts of a node, and starts each again when it has ended.

    python -m distnet.cluster.node FOLDER

A node whose link was cut for a minute loses its Ray, and joins again when the link is back. What
the node does is in `state.json`, for `distnet cluster up` and `status`.
"""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Protocol

POLL_S = 0.2
LONGEST_DELAY_S = 30.0
STEADY_S = 60.0
"""After so long without an end, the next restart is immediate again."""


class Part(Protocol):
    """Something that runs on a node."""

    name: str

    @property
    def is_running(self) -> bool: ...  # noqa: D102
    @property
    def is_up(self) -> bool: ...  # noqa: D102
    @property
    def pid(self) -> int | None: ...  # noqa: D102

    def start(self) -> None: ...  # noqa: D102
    def end_message(self) -> str: ...  # noqa: D102
    def end(self) -> None: ...  # noqa: D102


@dataclass
class PartState:
    """What a part does, as others see it."""

    is_up: bool = False
    pid: int | None = None
    since: float = 0.0
    """When it was started."""
    num_restarts: int = 0
    error: str | None = None
    """Why it ended last; None once it is up again."""


class Watched:
    """A part that is started again when it has ended.

    Args:
        part: the part.
        log: shows a line.
    """

    def __init__(self, part: Part, log: Callable[[str], None]) -> None:
        self._part, self._log = part, log
        self.state = PartState()
        self._delay_s = 0.0
        self._start_at: float | None = time.monotonic()

    def step(self) -> None:
        """Notice what has happened, and start the part if it is due."""
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self._start()
        elif not self._part.is_running:
            self._ended(now)
        elif not self.state.is_up and self._part.is_up:
            self.state.is_up, self.state.error = True, None
            self._log(f"{self._part.name} is up")

    def end(self) -> None:
        """End the part."""
        self._part.end()

    def _start(self) -> None:
        self._start_at = None
        self._part.start()
        self.state.pid, self.state.since = self._part.pid, time.time()

    def _ended(self, now: float) -> None:
        message = self._part.end_message()
        self._part.end()  # what it may have left
        was_steady = self.state.is_up and time.time() - self.state.since > STEADY_S
        self._delay_s = 0.0 if was_steady else min(max(1.0, 2 * self._delay_s), LONGEST_DELAY_S)
        self._start_at = now + self._delay_s
        self._log(f"{self._part.name}: {message}; starting it again in {self._delay_s:.0f} s")
        self.state.is_up, self.state.pid, self.state.error = False, None, message
        self.state.num_restarts += 1


class Supervisor:
    """All parts of a node.

    Args:
        parts: in the order in which they are started.
        state_file: where the state is written.
        version: of the node's settings, for the state.
        log: shows a line.
    """

    def __init__(
        self, parts: Sequence[Part], state_file: Path, version: str, log: Callable[[str], None]
    ) -> None:
        self._watched = {part.name: Watched(part, log) for part in parts}
        self._file, self._version = state_file, version
        self._written = b""
        self._is_ending = threading.Event()

    def run(self) -> None:
        """Run the parts until SIGTERM or Ctrl-C, then end them."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end_by_signal)
        try:
            while not self._is_ending.is_set():
                for watched in self._watched.values():
                    watched.step()
                self._write()
                self._is_ending.wait(POLL_S)
        finally:
            for watched in reversed(self._watched.values()):
                watched.end()
            self._file.unlink(missing_ok=True)

    def _end_by_signal(self, number: int, frame: FrameType | None) -> None:
        self._is_ending.set()

    def _write(self) -> None:
        """Write the state if it has changed."""
        facts = {"pid": os.getpid(), "version": self._version, "ray": None, "server": None}
        parts = {name: asdict(watched.state) for name, watched in self._watched.items()}
        text = json.dumps(facts | parts).encode()
        if text != self._written:
            partial = self._file.with_suffix(".partial")
            partial.write_bytes(text)
            partial.replace(self._file)
            self._written = text
