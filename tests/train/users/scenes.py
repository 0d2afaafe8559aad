"""Digits composed into scenes: ragged boxes, which move along when an image is shifted or flipped.

The network gives a class to each cell of a coarse grid, as one-stage detectors do.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Summary

CELLS = 4


class Grid(nn.Module):
    """Logits of the classes, and of nothing, for each cell."""

    def __init__(self, shape: tuple[int, ...], num_classes: int) -> None:
        super().__init__()
        self.inner = nn.Conv2d(shape[0], 8, 5, padding=2)
        self.pool = nn.AdaptiveMaxPool2d(CELLS)
        self.outer = nn.Conv2d(8, num_classes + 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.pool(torch.relu(self.inner(x))))


class Detect:
    """The class of the box whose centre is in a cell; how many cells are right."""

    metrics = (Metric("cells", "percent", "higher"),)
    phases = (Phase(metrics=("cells",)),)

    def __init__(self, data: Manifest) -> None:
        self.classes = data.fields["boxes"].classes
        self.side = data.fields["x"].shape[-1]
        self.network_arguments = (data.fields["x"].shape, len(self.classes))

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        losses, is_right = self._cells(networks, batch)
        return Loss(losses, metrics={"cells": (is_right.sum(), is_right.numel())})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        losses, is_right = self._cells(networks, batch)
        numbers = [losses.double().sum(), is_right.double().sum()]
        counts = [torch.tensor(len(losses)), torch.tensor(is_right.numel())]
        return Measured(torch.stack([*numbers, *counts]), losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        loss, right, samples, cells = sums.tolist()
        return Summary({"loss": loss / samples, "cells": right / cells})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        cells = networks["network"](batch.tensor("x")).argmax(1)
        return [{"value": one.flatten().tolist()} for one in cells]

    def _cells(self, networks: Networks, batch: Batch) -> tuple[Tensor, Tensor]:
        """The mean loss of each image [n], and which cells [n, CELLS, CELLS] are right."""
        boxes = batch.ragged("boxes")
        target = torch.full((len(batch), CELLS, CELLS), len(self.classes))
        centres = (boxes.values[:, :2] + boxes.values[:, 2:4]) / 2
        cells = (centres * CELLS / self.side).long().clamp(0, CELLS - 1)
        target[boxes.sample_of_value, cells[:, 1], cells[:, 0]] = boxes.values[:, 4].long()
        outputs = networks["network"](batch.tensor("x"))
        losses = F.cross_entropy(outputs, target, reduction="none").mean((1, 2))
        return losses, (outputs.argmax(1) == target).float()
