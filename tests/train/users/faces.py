"""Metric learning on faces: a triplet loss over all samples of a step, whichever worker has them.

Source: Hermans et al. 2017, "In Defense of the Triplet Loss for Person Re-Identification" (batch
hard). The batches of P identities with K samples each are made by the sampler `identities`.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

WIDTH = 8
MARGIN = 0.3


class Embedding(nn.Sequential):
    """A vector for each face."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        layers = nn.Linear(prod(shape), 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, WIDTH)
        super().__init__(nn.Flatten(), *layers)


class Triplets:
    """How often the nearest other face is of the same person."""

    metrics = (Metric("nearest", "percent", "higher"),)
    phases = (Phase(metrics=("active",)),)
    gathers = ("y",)
    collects = True

    def __init__(self, data: Manifest) -> None:
        self.network_arguments = (data.fields["x"].shape,)

    def embed(self, networks: Networks, batch: Batch) -> Tensor:
        return F.normalize(networks["network"](batch.tensor("x")), dim=1)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        embedding, person = batch.tensor("embedding"), batch.tensor("y")
        # cdist's backward is not defined at distance 0, which every face has to itself.
        distances = (2 - 2 * embedding @ embedding.T).clamp_min(1e-6).sqrt()
        is_same = person[:, None] == person
        far = torch.where(is_same, distances, -1.0).max(1).values
        near = torch.where(is_same, 9.0, distances).min(1).values
        losses = F.relu(far - near + MARGIN)
        return Loss(losses, metrics={"active": ((losses > 0).float().sum(), len(losses))})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        embedding, person = self.embed(networks, batch), batch.tensor("y").float()
        rows = torch.cat([embedding, person[:, None]], 1)
        sums = torch.tensor([float(len(rows))], dtype=torch.float64)
        return Measured(sums, embedding.new_zeros(len(rows)), rows.numpy().tobytes())

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        numbers = np.frombuffer(b"".join(collected), np.float32).reshape(-1, WIDTH + 1)
        rows = torch.from_numpy(numbers.copy())
        assert len(rows) == int(sums[0])
        similar = rows[:, :-1] @ rows[:, :-1].T
        found = rows[similar.fill_diagonal_(-2).argmax(1), -1]
        return Summary({"loss": 0.0, "nearest": float((found == rows[:, -1]).double().mean())})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [{"value": one.tolist()} for one in self.embed(networks, batch)]
