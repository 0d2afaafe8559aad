"""Where the progress of a run is shown: a terminal, a notebook, or plain lines."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

PLAIN_EVERY_S = 10.0


@dataclass(frozen=True)
class Now:
    """Where a run is, in place of what was shown before."""

    stage: str = "starting"
    """Such as `epoch 3/12`."""
    step: int = 0
    num_steps: int | None = None
    figures: str = ""
    """The loss, the headline metric and the speed; empty before the first step."""
    loss: float | None = None
    """The training loss, where a step was just recorded."""
    has_ended: bool = False
    """Whether no further step comes; `stage` says how it ended. Its workers may still be ending."""


class Display(Protocol):
    """Shows the progress of one run."""

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Show how it ended."""
        ...

    def say(self, line: str) -> None:
        """Show a line that stays: an epoch, a note, a restart."""
        ...

    def show(self, now: Now) -> None:
        """Show where the run is, in place of the last one."""
        ...


class Lines:
    """Plain lines, as a log holds them: one now and then, and one an epoch.

    Args:
        write: prints one line.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._wrote_at, self._step = time.monotonic(), 0

    def __enter__(self) -> Self:
        """Give a sign of life: the first record may take a while."""
        self._write("starting")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Add nothing: the caller says how the run ended."""

    def say(self, line: str) -> None:
        """Write a line."""
        self._wrote_at = time.monotonic()
        self._write(line)

    def show(self, now: Now) -> None:
        """Write where the run is, if nothing was written for a while."""
        is_due = time.monotonic() - self._wrote_at > PLAIN_EVERY_S
        if now.step > self._step and now.figures and is_due:
            self._step = now.step
            self.say(f"{now.stage}  step {now.step:,}  {now.figures}")
