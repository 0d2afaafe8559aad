"""The progress of a run in a notebook: one box of HTML that changes while the cell runs.

It is shown with `display` of IPython, not as a widget: every notebook can show it without an
extension, and a notebook that is saved keeps what was shown last.
"""

import time
import uuid
from collections import deque
from dataclasses import replace
from importlib import import_module
from types import TracebackType
from typing import Self

from distnet.errors import StoppedError
from distnet.notebook.card import curve
from distnet.report.live.display import Now
from distnet.report.templates.render import render
from distnet.report.text import clock

REDRAWN_EVERY_S = 0.25
MOST_LINES = 200
"""A run of more epochs shows the newest of them; `run.history` has all."""
GREEN, RED, ORANGE, BLUE = "#14916d", "#d0503a", "#c06a1a", "#2a7fc1"
"""Readable on light and on dark pages."""
COLOURS = {"finished": GREEN, "failed": RED, "stopped": ORANGE, "interrupted": ORANGE}


class Box:
    """Shows the progress of one run below the cell that started it."""

    def __init__(self) -> None:
        self._ipython = import_module("IPython.display")
        self._id = uuid.uuid4().hex
        self._lines: deque[str] = deque(maxlen=MOST_LINES)
        self._losses: list[float] = []
        self._now = Now()
        self._drawn_at = 0.0
        self._first: tuple[float, int] | None = None
        """A time at which training went on, and the step at that time."""

    def __enter__(self) -> Self:
        """Show the empty box."""
        self._ipython.display(self._content(), raw=True, display_id=self._id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw what came last."""
        if kind is not None and self._now.stage not in COLOURS:
            self._now = replace(self._now, stage=_stage_of(kind))
        self._draw()

    def say(self, line: str) -> None:
        """Add a line."""
        self._lines.append(line)
        self._draw_if_due()

    def show(self, now: Now) -> None:
        """Change the head of the box."""
        if self._first is None and now.figures:
            self._first = (time.monotonic(), now.step)
        if now.loss is not None:
            self._losses.append(now.loss)
        self._now = now
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        if time.monotonic() - self._drawn_at > REDRAWN_EVERY_S:
            self._draw()

    def _draw(self) -> None:
        self._drawn_at = time.monotonic()
        self._ipython.update_display(self._content(), raw=True, display_id=self._id)

    def _content(self) -> dict[str, str]:
        now, lines = self._now, "\n".join(self._lines)
        done = now.step / now.num_steps if now.num_steps else 0.0
        page = render(
            "live.html",
            stage=now.stage,
            place=self._place(),
            percent=f"{100 * min(done, 1.0):.1f}",
            colour=COLOURS.get(now.stage, BLUE),
            figures=now.figures,
            curve=curve(self._losses),
            lines=lines,
        )
        return {"text/html": page, "text/plain": f"{now.stage}\n{lines}".rstrip()}

    def _place(self) -> str:
        """The step, of how many, and the time that is left."""
        now = self._now
        if not now.num_steps:
            return ""
        steps = f"step {now.step:,}/{now.num_steps:,} in all"
        left = self._left_s()
        return steps if left is None else f"{steps}, {clock(left)} left"

    def _left_s(self) -> float | None:
        """By the speed so far; None before it is known, and at the end."""
        if self._first is None or not self._now.num_steps or self._now.stage in COLOURS:
            return None
        since, first = self._first
        if self._now.step <= first:
            return None
        rate = (self._now.step - first) / max(time.monotonic() - since, 1e-3)
        return max(self._now.num_steps - self._now.step, 0) / rate


def _stage_of(error: type[BaseException]) -> str:
    if issubclass(error, StoppedError):
        return "stopped"
    return "failed" if issubclass(error, Exception) else "interrupted"
