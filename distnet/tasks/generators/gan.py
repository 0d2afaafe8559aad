"""Generate images by a game: a critic learns to see which are real, a generator to deceive it.

Source: Goodfellow et al. 2014 (the non-saturating losses); Mescheder, Geiger and Nowozin 2018 (the
gradient penalty R1, without which the game need not converge); Karras et al. 2020 (the penalty in
every n-th step only; images are made with a moving average of the weights).

Letters: n images [n, C, H, W], z numbers of noise, K classes.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Images
from distnet.spec.sections.section import Fraction, NonNegativeFloat, PositiveInt
from distnet.tasks.generators._exported import AsPixels, meaning_of_classes, random_classes
from distnet.tasks.generators._generator import Generator
from distnet.tasks.generators._numbered import (
    EVALUATED,
    any_parameter,
    as_pixels,
    numbered_classes,
    numbered_noise,
    signed,
)
from distnet.tasks.generators.quality.judge import JudgeName
from distnet.tasks.task import (
    NETWORK,
    Exportable,
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Shown,
)

__all__ = ("Gan",)

GRID, ROWS, BETWEEN = 8, 4, 8
"""Images a side of the grid in the report; rows and images of its strip from image to image."""


class Gan(Generator):
    """Two players, `generator` and `critic`, each with its own optimizer (`players:`).

    The network is made from the shape of the images and the number of classes that it is given.

    Args:
        judge: what measures the images: `mnist`, a classifier of 28 x 28 digits, or `none`.
        critic_updates: of the critic, for each one of the generator; the samples of a step are
            shared out among them.
        penalty: the weight of the critic's squared gradient at real images (R1).
        penalty_every: the penalty is computed in every n-th step, n times as strong.
        average: the decay of the moving average with which images are made.
        conditional: whether both players are given the class of an image.

    Raises:
        ValueError: the data has no images, or not what the judge or the classes need.
    """

    players = {"critic": "critic.*", "generator": "generator.*"}

    def __init__(
        self,
        data: Manifest,
        *,
        judge: JudgeName = "none",
        critic_updates: PositiveInt = 1,
        penalty: NonNegativeFloat = 0.1,
        penalty_every: PositiveInt = 8,
        average: Fraction = 0.995,
        conditional: bool = False,
    ) -> None:
        super().__init__("gan", data, judge=judge, average=average, conditional=conditional)
        self._penalty = penalty * penalty_every / 2
        self.phases = (
            Phase("critic", player="critic", repeat=critic_updates, metrics=("caught",)),
            *self._penalty_phase(penalty, penalty_every),
            Phase("generator", player="generator", batch="same"),
        )

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of a player, [n]."""
        network: Any = networks[NETWORK]
        real = signed(batch.tensor("x"))
        classes = self.classes_of(batch)
        if phase.name == "penalty":
            return Loss(self._penalty * _squared_gradients(network.critic, real, classes))
        noise = torch.randn(len(real), network.noise, device=real.device)
        if phase.name == "generator":
            made = network.generator(noise, classes)
            return Loss(F.softplus(-network.critic(made, classes).float()))
        with torch.no_grad():
            made = network.generator(noise, classes)
        of_made = network.critic(made, classes).float()
        losses = F.softplus(of_made) + F.softplus(-network.critic(real, classes).float())
        return Loss(losses, metrics={"caught": ((of_made < 0).float().sum(), len(real))})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Make an image beside each of the data; the loss is the critic's."""
        network: Any = networks[NETWORK]
        real, numbers = signed(batch.tensor("x")), batch.tensor("index").tolist()
        classes = numbered_classes(numbers, self.shares, None, real)
        made = self._made(networks, EVALUATED, numbers, classes)
        of_made = network.critic(made, classes).double()
        of_real = network.critic(real, self.classes_of(batch)).double()
        return self.compared(F.softplus(of_made) + F.softplus(-of_real), batch, made)

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """How probable it is, to the critic, that an image is real."""
        network: Any = networks[NETWORK]
        scores = network.critic(signed(batch.tensor("x"))).float()
        return [{"real": probability} for probability in scores.sigmoid().tolist()]

    def sample(
        self, networks: Networks, seed: int, numbers: Sequence[int], of_class: int | None = None
    ) -> Tensor:
        """Make images, uint8 [n, C, H, W]; each depends on the seed and its number alone."""
        like = any_parameter(networks[NETWORK])
        classes = numbered_classes(numbers, self.shares, of_class, like)
        return as_pixels(self._made(networks, seed, numbers, classes))

    def exportable(self, networks: Networks, num: int) -> Exportable:
        """The generator, with pixels as its output."""
        network: Any = networks[NETWORK]
        inputs = {"noise": torch.randn(num, network.noise)} | random_classes(num, self.classes)
        meanings = {
            "noise": "independent normal numbers of mean 0 and deviation 1",
            "images": "pixels from 0 to 255, not rounded",
            **meaning_of_classes(self.classes),
        }
        return Exportable(AsPixels(network.generator), inputs, "images", meanings)

    def show(self, networks: Networks, first: FirstSamples) -> Shown:  # noqa: ARG002
        """The first images of the evaluation, and those on the way from one to another."""
        grid = self.sample(networks, EVALUATED, range(GRID * GRID))
        figures = (
            Images("Generated images", "generated", columns=GRID),
            Images("From one image to another", "between", columns=BETWEEN),
        )
        between = self._between(networks)
        return Shown(figures, {"generated": grid.cpu().numpy(), "between": between.cpu().numpy()})

    def _made(
        self, networks: Networks, seed: int, numbers: Sequence[int], classes: Tensor | None
    ) -> Tensor:
        network: Any = networks[NETWORK]
        noise = numbered_noise(seed, numbers, (network.noise,), any_parameter(network))
        made: Tensor = network.generator(noise, classes)
        return made

    def _between(self, networks: Networks) -> Tensor:
        """Images of noise on the way from one to another: on an arc, to keep its length."""
        network: Any = networks[NETWORK]
        like = any_parameter(network)
        ends = numbered_noise(EVALUATED, range(2 * ROWS), (network.noise,), like)
        start, end = ends[:ROWS, None], ends[ROWS:, None]
        angles = torch.linspace(0, torch.pi / 2, BETWEEN, device=like.device)[:, None]
        noise = (start * angles.cos() + end * angles.sin()).flatten(0, 1)
        rows = [row for row in range(ROWS) for _ in range(BETWEEN)]
        classes = numbered_classes(rows, self.shares, None, like)
        return as_pixels(network.generator(noise, classes))

    @staticmethod
    def _penalty_phase(penalty: float, every: int) -> tuple[Phase, ...]:
        if not penalty:
            return ()
        return (Phase("penalty", player="critic", batch="same", every=every),)


def _squared_gradients(critic: Any, real: Tensor, classes: Tensor | None) -> Tensor:
    """The squared length of the gradient of each score by its image, [n]."""
    real = real.detach().requires_grad_()
    with torch.autocast(real.device.type, enabled=False):
        scores = critic(real, classes).sum()
        (gradients,) = torch.autograd.grad(scores, real, create_graph=True)
    return gradients.square().sum((1, 2, 3))
