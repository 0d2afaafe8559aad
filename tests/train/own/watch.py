"""Callbacks of a user's own: good ones, and ones that are not."""

from pathlib import Path
from typing import Any

import torch


class Diary:
    """Writes down what it sees, and logs the largest weight at each second step.

    Args:
        every: at which steps.
    """

    def __init__(self, *, every: int = 2) -> None:
        self.every = every

    def start(self, training: Any) -> None:
        self._write(training, "start", torch.get_num_threads())

    def step(self, training: Any) -> None:
        torch.set_num_threads(3)
        torch.rand(3)
        if training.step % self.every == 0:
            largest = max(weight.abs().max() for weight in training.weights().values())
            training.log({"weights/largest": largest, "loss again": training.metrics["loss"]})
        for weight in training.network().parameters():
            weight.data.zero_()  # of a copy

    def evaluated(self, training: Any) -> None:
        self._write(training, f"evaluated {training.split}", training.metrics["accuracy"])

    def checkpoint(self, training: Any) -> None:
        self._write(training, "checkpoint", "")

    def end(self, training: Any) -> None:
        self._write(training, "end", training.epoch)

    def _write(self, training: Any, event: str, fact: Any) -> None:
        with Path(training.folder, "diary.txt").open("a") as file:
            file.write(f"{training.step} {event} {fact}\n")


class Target:
    """Ends training at a step."""

    def __init__(self, *, at: int) -> None:
        self.at = at

    def step(self, training: Any) -> None:
        if training.step == self.at:
            training.stop("it is enough")


class Failing:
    """Logs what is no number."""

    def step(self, training: Any) -> None:
        training.log({"name": "text"})


class Deaf:
    """Has none of the methods."""

    def on_step(self, training: Any) -> None:
        """Not called."""
