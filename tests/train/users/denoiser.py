"""A denoiser of digits, measured with the moving average of its weights.

Source: Ho et al. 2020, "Denoising Diffusion Probabilistic Models", of which this is one step.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import Metric
from distnet.tasks.task import Loss, Measured, Networks, Phase, Shadow, Summary


class Denoiser(nn.Module):
    """Two convolutions; predicts the noise."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.inner = nn.Conv2d(shape[0], 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.outer = nn.Conv2d(8, shape[0], 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(torch.relu(self.norm(self.inner(x))))


class Denoise:
    """The squared error of the predicted noise."""

    metrics = (Metric("noise_error"),)
    shadows = (Shadow("ema", decay=0.9, used_by=frozenset({"evaluation", "export"})),)

    def __init__(self, data: Manifest) -> None:
        self.network_arguments = (data.x.shape,)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        return Loss(self._errors(networks, batch))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        assert networks["network"] is networks["ema"]
        errors = self._errors(networks, batch).double()
        return Measured(torch.stack([errors.sum(), torch.tensor(len(errors))]), errors)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        mean = float(sums[0] / sums[1])
        return Summary({"loss": mean, "noise_error": mean})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [{"value": float(one)} for one in self._errors(networks, batch)]

    def _errors(self, networks: Networks, batch: Batch) -> Tensor:
        x = batch.tensor("x")
        noise, amount = torch.randn_like(x), torch.rand(len(x), 1, 1, 1)
        noisy = x * (1 - amount).sqrt() + noise * amount.sqrt()
        return (networks["network"](noisy) - noise).square().mean((1, 2, 3))
