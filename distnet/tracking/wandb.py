"""Weights & Biases, through its own client; `WANDB_API_KEY` and `WANDB_MODE` are its variables."""

import os
from collections.abc import Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any

import wandb

from distnet.run_folder.records.trackers import Tracked
from distnet.tracking.tracker import NotSetUpError, Point, TrackedRun

__all__ = ["WandbTracker"]
PROJECT = "WANDB_PROJECT"


class WandbTracker:
    """One run of a project, which has the name of the job."""

    def __init__(self) -> None:
        self._run: Any = None
        self._step = 0

    def begin(self, run: TrackedRun, before: Tracked) -> Tracked:
        """Begin a run, or continue one.

        Raises:
            NotSetUpError: there is no key.
        """
        id_ = before.id or token_hex(4)
        try:
            self._run = wandb.init(
                project=os.environ.get(PROJECT, run.job),
                id=id_,
                name=run.name,
                dir=str(run.folder / "trackers"),
                config=run.parameters | run.facts,
                resume="allow",
                settings=wandb.Settings(console="off", disable_git=True, disable_code=True),
            )
        except wandb.errors.UsageError as error:
            raise NotSetUpError(str(error).partition("\n")[0]) from None
        link = self._run.url or f"offline, in {Path(self._run.dir).parent}"
        return Tracked(id_, link, before.num_bytes)

    def is_up(self) -> bool:
        """Its client keeps what it cannot send at once."""
        return True

    def log(self, points: Sequence[Point]) -> None:
        """Send numbers; steps of it never go back, and what an attempt repeats is the same."""
        for point in points:
            self._step = max(self._step, point.step)
            if point.step == self._step:
                self._run.log(point.values, step=point.step)

    def end(self, status: str) -> None:
        """End the run."""
        self._run.finish(exit_code=1 if status == "failed" else 0)
