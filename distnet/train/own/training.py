"""What a callback sees of the training, and what it may do: copies to read, `log` and `stop`."""

from collections.abc import Mapping
from numbers import Real
from pathlib import Path

from torch import Tensor, nn

from distnet.run_folder.assignment import Assignment
from distnet.spec.code.own_errors import described
from distnet.train.compute.shadows import copied
from distnet.train.compute.trainee import Trainee

LONGEST_NAME = 100


class Training:
    """The state of a training, for callbacks; nothing that they do to it changes a weight.

    Args:
        trainee: what trains.
        assignment: the attempt.
    """

    def __init__(self, trainee: Trainee, assignment: Assignment) -> None:
        self._trainee = trainee
        self.run: str = assignment.folder.name
        """The name of the run."""
        self.folder: Path = assignment.folder.path
        """The folder of the run, as this worker sees it."""
        self.attempt: int = assignment.attempt
        """The number of the attempt, from 1: a resumed run has several."""
        self.num_steps: int = trainee.num_steps
        """Steps of the whole run."""
        self.step = 0
        """Steps that are made."""
        self.epoch = 0
        """The epoch of the newest step, from 1."""
        self.metrics: Mapping[str, float] = {}
        """At `step`, the loss, the task's training metrics, `learning_rate` and `gradient_norm` of
        this step; at `evaluated`, all metrics of the evaluation. Else empty."""
        self.split = ""
        """At `evaluated`, what was measured."""
        self.logged: dict[str, float] = {}
        """What callbacks have logged during this event."""
        self.stop_reason: str | None = None
        """Why a callback wants training to end; None while none does."""

    def log(self, values: Mapping[str, float]) -> None:
        """Add numbers to the records of the run, at the newest step.

        Raises:
            TypeError: a name is no text, or a value is no number.
        """
        for name, value in values.items():
            if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
                raise TypeError(f"log: found the name {name!r}, expected a short text")
            is_scalar = isinstance(value, Tensor) and value.numel() == 1
            if not is_scalar and not isinstance(value, Real):
                raise TypeError(f"log: found {described(value)} for {name}, expected a number")
            self.logged[name] = float(value)

    def stop(self, reason: str) -> None:
        """End training after the next step, which is evaluated; the run is then finished."""
        self.stop_reason = self.stop_reason or str(reason)

    def weights(self) -> dict[str, Tensor]:
        """Copies of all parameters and buffers, on the CPU, by their names."""
        named = self._trainee.flat.weights()
        return {name: tensor.detach().cpu().clone() for name, tensor in named.items()}

    def network(self) -> nn.Module:
        """A copy of the network, in evaluation mode."""
        return copied(self._trainee.flat.network).eval()
