"""A GAN on digits: the critic is updated several times for each update of the generator.

Source: Goodfellow et al. 2014; Arjovsky et al. 2017 (several critic updates).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD  # noqa: F401 - the critic's optimizer, as one of its own

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Images
from distnet.spec.metric import Metric
from distnet.tasks.task import FirstSamples, Loss, Measured, Networks, Phase, Shown, Summary

LATENT = 16


class Gan(nn.Module):
    """Batch normalisation in the generator: its buffers are the generator's alone."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        num_pixels = shape[0] * shape[1] * shape[2]
        self.generator = nn.Sequential(
            nn.Linear(LATENT, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, num_pixels)
        )
        self.critic = nn.Sequential(nn.Linear(num_pixels, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))


class Adversarial:
    """Non-saturating losses; the headline metric is how often the critic is deceived."""

    metrics = (Metric("deceived", "percent", "higher"),)
    players = {"critic": "critic.*", "generator": "generator.*"}

    def __init__(self, data: Manifest, *, n_critic: int = 2) -> None:
        self.network_arguments = (data.x.shape,)
        self.phases = (
            Phase("critic", player="critic", repeat=n_critic, metrics=("caught",)),
            Phase("generator", player="generator", batch="same"),
        )

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        network, real = networks["network"], batch.tensor("x").flatten(1)
        forged = network.generator(torch.randn(len(real), LATENT))
        if phase.name == "generator":
            return Loss(F.softplus(-network.critic(forged)[:, 0]))
        said = network.critic(forged.detach())[:, 0]
        losses = F.softplus(said) + F.softplus(-network.critic(real)[:, 0])
        return Loss(losses, metrics={"caught": ((said < 0).float().sum(), len(said))})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        network = networks["network"]
        forged = network.generator(torch.randn(len(batch), LATENT))
        said = network.critic(forged)[:, 0]
        losses = F.softplus(-said).double()
        sums = torch.stack([losses.sum(), (said > 0).double().sum(), torch.tensor(len(batch))])
        return Measured(sums, losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        loss, deceived, count = sums.tolist()
        return Summary({"loss": loss / count, "deceived": deceived / count})

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        stored, prepared = first(8)
        assert not networks["network"].training
        forged = networks["network"].generator(torch.randn(len(prepared), LATENT))
        images = forged.view(len(forged), *stored.tensor("x").shape[1:])
        return Shown((Images("Forged digits", "forged"),), {"forged": images})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        said = networks["network"].critic(batch.tensor("x").flatten(1))[:, 0]
        return [{"real": bool(one > 0)} for one in said]
