"""Callbacks of a user's own: good ones, and ones that are not."""

import os
import signal
import time
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


class Mean:
    """Logs the mean loss so far and ends training after some steps, both by what it remembers.

    Args:
        name: of what it logs.
        at: how many steps it sees before that.
        dies_at: the step at which the first attempt is killed, as soon as a checkpoint is safe.
    """

    def __init__(self, *, name: str = "mean", at: int = 1000, dies_at: int = 0) -> None:
        self.name, self.at, self.dies_at = name, at, dies_at
        self.losses: list[float] = []
        self.weights: torch.Tensor | None = None

    def state_dict(self) -> dict[str, Any]:
        return {"losses": self.losses, "weights": self.weights}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.losses, self.weights = state["losses"], state["weights"]

    def step(self, training: Any) -> None:
        if training.attempt == 1 and training.step == self.dies_at:
            while not list(training.folder.glob("checkpoints/step-*")):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)
        self.losses.append(training.metrics["loss"])
        new = torch.cat([weights.flatten() for weights in training.weights().values()])
        self.weights = new if self.weights is None else self.weights.lerp(new, 0.1)
        training.log({self.name: sum(self.losses) / len(self.losses)})
        if len(self.losses) == self.at:
            training.stop("it has seen enough")


class Opaque(Mean):
    """Its state is none that a checkpoint can hold."""

    def state_dict(self) -> dict[str, Any]:
        return {"network": torch.nn.Linear(1, 1)}


class Saving:
    """Saves what it does not load."""

    def step(self, training: Any) -> None:
        """Nothing."""

    def state_dict(self) -> dict[str, Any]:
        return {}
