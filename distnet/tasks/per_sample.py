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
from distnet.data.transforms.mixing import PARTNER, SHARE
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Baseline, Metric
from distnet.tasks.baseline import Known
from distnet.tasks.groups import Groups
from distnet.tasks.task import NETWORK, Loss, Measured, Networks, Phase, Summary


class PerSampleTask(Protocol):
    """A task with one loss for each sample; a user's own class may be one.

    Optional members:
        collects: True where `collect(outputs, targets) -> bytes` returns what cannot be summed;
            `summarise` then takes it as a list, in the order of the samples, behind the sums.
        groups: a `Groups`, for whose classes the first `training` metric is stated as well.
        in_units(outputs): outputs in the units of the data, for an exported network.
        baseline(known) -> Baseline: see `Task`.
    """

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
    """Trains a `PerSampleTask`: `network(x) -> outputs [n, K]`, compared with the targets `y`.

    x is a tensor [n, ...], or `Ragged` where samples differ in length, as texts do.
    """

    def __init__(self, task: PerSampleTask, data: Manifest) -> None:
        self.task, self.metrics = task, task.metrics
        self.collects: bool = getattr(task, "collects", False)
        found = getattr(task, "groups", None)
        self.groups = found if isinstance(found, Groups) else None
        self.phases = (Phase(metrics=task.training),)
        self._shape = data.x.input_shape

    @property
    def network_arguments(self) -> tuple[Any, ...]:
        """The shape of an input, and K."""
        return self._shape, self.task.num_outputs

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of each sample, and the sums of the training metrics.

        Of a sample that is mixed, loss and scores are those of both targets, by their shares.
        """
        outputs = self.outputs(networks, batch)
        losses, scores = self._compared(outputs, batch.tensor("y"), phase)
        if SHARE in batch.fields:
            share = batch.tensor(SHARE)
            others, their = self._compared(outputs, batch.tensor(PARTNER), phase)
            losses = share * losses + (1 - share) * others
            scores = {k: share * scores[k] + (1 - share) * their[k] for k in scores}
        return Loss(losses, metrics={k: (scores[k].sum(), len(losses)) for k in phase.metrics})

    def _compared(
        self, outputs: Tensor, targets: Tensor, phase: Phase
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Losses and scores of each sample, [n] each."""
        losses = self.task.losses(outputs, targets)
        return losses, self.task.scores(outputs.detach(), targets) if phase.metrics else {}

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """The number of samples, the sum of their losses, the task's sums, those of groups."""
        outputs, targets = self.outputs(networks, batch), batch.tensor("y")
        losses = self.task.losses(outputs, targets).double()
        first = torch.stack([losses.new_tensor(len(losses)), losses.sum()])
        sums = torch.cat([first, self.task.sums(outputs, targets)])
        if self.groups is not None:
            scores = self.task.scores(outputs, targets)[self.task.training[0]]
            sums = torch.cat([sums, self.groups.sums(batch, scores)])
        task: Any = self.task
        return Measured(sums, losses, task.collect(outputs, targets) if self.collects else b"")

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """The mean loss, and the task's summary of its sums and of what it collected."""
        make: Any = self.task.summarise
        size = len(sums) - (0 if self.groups is None else self.groups.num_sums)
        own, of_groups = sums[2:size], sums[size:]
        summary: Summary = make(own, collected) if self.collects else make(own)
        loss = {LOSS.name: float(sums[1] / sums[0])}
        summary = replace(summary, metrics=loss | summary.metrics)
        if self.groups is None:
            return summary
        (metric,) = (m for m in self.metrics if m.name == self.task.training[0])
        return replace(summary, figures=(*summary.figures, self.groups.table(of_groups, metric)))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """Read each output."""
        return [self.task.prediction(output) for output in self.outputs(networks, batch)]

    def outputs(self, networks: Networks, batch: Batch) -> Tensor:
        """Compute the outputs, fp32 [n, K].

        Raises:
            PartError: the network returned something else.
        """
        network, num_samples = networks[NETWORK], len(batch)
        outputs = network(batch["x"])
        expected = (num_samples, self.task.num_outputs)
        if not isinstance(outputs, Tensor) or outputs.shape != expected:
            mode = "training" if network.training else "evaluation"
            raise refusal(
                network,
                "forward",
                outputs,
                f"a tensor {list(expected)} of outputs for {num_samples} samples, in training as "
                f"in evaluation (here: {mode})",
            )
        return outputs.float()

    def baseline(self, known: Known) -> Baseline | None:
        """What a simple rule reaches; None where the task knows none."""
        find = getattr(self.task, "baseline", None)
        return None if find is None else find(known)

    def exported(self, outputs: Tensor) -> Tensor:
        """Convert outputs to what an exported network gives: the units of the data."""
        in_units = getattr(self.task, "in_units", None)
        return outputs if in_units is None else in_units(outputs)
