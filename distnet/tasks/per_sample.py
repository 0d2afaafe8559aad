"""Tasks with one output and one target a sample, written shorter, and the adapter that trains them.

Letters: n samples, K outputs, m numbers kept by an evaluation.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import LOSS, Metric
from distnet.tasks.task import NETWORK, Loss, Measured, Networks, Phase, Summary


class PerSampleTask(Protocol):
    """A task with one loss for each sample; a user's own class may be one."""

    num_outputs: int
    """K: the outputs that the network must have."""
    metrics: tuple[Metric, ...]
    """What an evaluation measures besides the loss; the first is the headline metric."""
    training: tuple[str, ...]
    """Those that `scores` gives while training; may be empty."""

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The loss of each sample, [n], from outputs [n, K] and targets [n, ...]."""
        ...

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Each of the `training` metrics for each sample, [n]; their mean is the metric."""
        ...

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Sums over the samples, float64 [m]; sums of parts add up to those of the whole."""
        ...

    def summarise(self, sums: Tensor) -> Summary:
        """Turn the sums over all samples into metrics and figures."""
        ...

    def prediction(self, output: Tensor) -> dict[str, Any]:
        """What one output [K] means: `{"class": "7", "probability": 0.98, ...}`."""
        ...


class PerSample:
    """Trains a `PerSampleTask`: `network(x) -> outputs [n, K]`, compared with the targets `y`."""

    def __init__(self, task: PerSampleTask, data: Manifest) -> None:
        self.task, self.metrics = task, task.metrics
        self.phases = (Phase(metrics=task.training),)
        self._shape = data.x.shape

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The shape of an input, and K."""
        return self._shape, self.task.num_outputs

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of each sample, and the sums of the training metrics."""
        outputs, targets = networks[NETWORK](batch.tensor("x")).float(), batch.tensor("y")
        losses = self.task.losses(outputs, targets)
        if not phase.metrics:
            return Loss(losses)
        scores = self.task.scores(outputs.detach(), targets)
        return Loss(losses, metrics={k: (scores[k].sum(), len(losses)) for k in phase.metrics})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """The sums of the task behind the number of samples and the sum of their losses."""
        outputs, targets = networks[NETWORK](batch.tensor("x")).float(), batch.tensor("y")
        losses = self.task.losses(outputs, targets).double()
        first = torch.stack([losses.new_tensor(len(losses)), losses.sum()])
        return Measured(torch.cat([first, self.task.sums(outputs, targets)]), losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """The mean loss, and the task's summary of its sums."""
        summary = self.task.summarise(sums[2:])
        loss = {LOSS.name: float(sums[1] / sums[0])}
        return replace(summary, metrics=loss | summary.metrics)

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """Read each output."""
        outputs = networks[NETWORK](batch.tensor("x")).float()
        return [self.task.prediction(output) for output in outputs]

    def exported(self, outputs: Tensor) -> Tensor:
        """Convert outputs to what an exported network gives: the units of the data."""
        in_units = getattr(self.task, "in_units", None)
        return outputs if in_units is None else in_units(outputs)
