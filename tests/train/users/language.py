"""A character model on Shakespeare: windows of a packed text, weighed by their valid tokens."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

IGNORED = -100


class CharacterModel(nn.Module):
    """A recurrent network, with dropout."""

    def __init__(self, num_tokens: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(num_tokens, 16)
        self.layers = nn.GRU(16, 24, batch_first=True)
        self.dropout = nn.Dropout(0.2)
        self.output = nn.Linear(24, num_tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(self.dropout(self.layers(self.embedding(tokens))[0]))


class NextCharacter:
    """The cross-entropy of each next character; a filled-up window weighs less."""

    metrics = (Metric("nats"), Metric("accuracy", "percent", "higher"))
    phases = (Phase(metrics=("accuracy",)),)

    def __init__(self, data: Manifest) -> None:
        self.network_arguments = (len(data.fields["input"].vocabulary),)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        losses, weights, right = self._tokens(networks, batch)
        return Loss(losses, weights, {"accuracy": (right, weights.sum())})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        losses, weights, right = self._tokens(networks, batch)
        sums = torch.stack([losses.double().sum(), weights.double().sum(), right.double()])
        per_sample = losses.view(len(batch), -1).sum(1) / weights.view(len(batch), -1).sum(1)
        return Measured(sums, per_sample)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        total, count, right = sums.tolist()
        mean = total / count
        return Summary({"loss": mean, "nats": mean, "accuracy": right / count})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        found = networks["network"](batch.tensor("input").long()).argmax(-1)
        return [{"value": one.tolist()} for one in found]

    def _tokens(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Losses and weights of all tokens, and how many are predicted right."""
        target = batch.tensor("target").long().flatten()
        outputs = networks["network"](batch.tensor("input").long()).flatten(0, 1)
        losses = F.cross_entropy(outputs, target, reduction="none", ignore_index=IGNORED)
        right = (outputs.argmax(1) == target).float().sum()
        return losses, (target != IGNORED).float(), right
