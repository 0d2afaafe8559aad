"""Generate images from noise, by small steps: flow matching along straight lines.

A network learns the velocity at which noise at time 0 moves to an image at time 1, from points on
the straight line between both. Images are made by following it from new noise.

Source: Lipman et al. 2023 (flow matching); Liu, Gong and Liu 2023 (rectified flow: straight lines);
Li and He 2025 (the network returns the image, not the velocity, which noise makes hard);
Ho, Jain and Abbeel 2020 and Song et al. 2021 (denoising diffusion, whose deterministic sampler
follows the same paths in another measure of time); Karras et al. 2022 (Heun's method).

Letters: n images [n, C, H, W], K classes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Images
from distnet.spec.sections.section import Fraction, PositiveInt
from distnet.tasks.generators._exported import meaning_of_classes, random_classes
from distnet.tasks.generators._generator import Generator
from distnet.tasks.generators._numbered import (
    EVALUATED,
    GOLDEN,
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

__all__ = ("Diffusion",)

GRID, ROWS, MOMENTS = 8, 6, 9
"""Images a side of the grid in the report; rows and images of the strip over time."""
MEASURED = 1
"""The seed of the noise with which an evaluation disturbs images."""
SHORTEST = 0.05
"""The time left, at least, by which an error is divided: else the last moments outweigh others."""
SHIFT = -0.5
"""Of the logits of times: somewhat more of them are spent on noisy images."""


class Diffusion(Generator):
    """The squared error of the velocity at which noise becomes an image.

    The network is made from the shape of the images and the number of classes that it is given.

    Args:
        judge: what measures the images: `mnist`, a classifier of 28 x 28 digits, or `none`.
        steps: the steps from noise to an image; the network is computed twice in each (Heun).
        average: the decay of the moving average with which images are made.
        conditional: whether the network is given the class of an image.

    Raises:
        ValueError: the data has no images, or not what the judge or the classes need.
    """

    def __init__(
        self,
        data: Manifest,
        *,
        judge: JudgeName = "none",
        steps: PositiveInt = 10,
        average: Fraction = 0.995,
        conditional: bool = False,
    ) -> None:
        super().__init__("diffusion", data, judge=judge, average=average, conditional=conditional)
        self._shape, self._steps = data.x.shape, steps

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The squared error at a random time, [n]; the times of a slice are spread over [0, 1]."""
        images = signed(batch.tensor("x"))
        spread = torch.arange(len(images), device=images.device) / len(images)
        times = _times((spread + torch.rand(1, device=images.device)) % 1)
        noise = torch.randn_like(images)
        return Loss(self._errors(networks, images, noise, times, self.classes_of(batch)))

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Make an image beside each of the data; the loss is that of training, at set times."""
        pixels, numbers = batch.tensor("x"), batch.tensor("index").tolist()
        noise = numbered_noise(MEASURED, numbers, self._shape, pixels)
        times = _times((batch.tensor("index").double() * GOLDEN % 1).float())
        errors = self._errors(
            networks, signed(pixels), noise, times, self.classes_of(batch)
        ).double()
        *_, made = self._flow(networks, EVALUATED, numbers, None)
        return self.compared(errors, batch, made)

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """How badly each image is found in noise at half time: what is unlike the data is worse."""
        images = signed(batch.tensor("x"))
        noise = numbered_noise(MEASURED, range(len(images)), self._shape, images)
        times = images.new_full((len(images),), 0.5)
        errors = self._errors(networks, images, noise, times, None)
        return [{"error": error} for error in errors.tolist()]

    def sample(
        self, networks: Networks, seed: int, numbers: Sequence[int], of_class: int | None = None
    ) -> Tensor:
        """Make images, uint8 [n, C, H, W]; each depends on the seed and its number alone."""
        *_, made = self._flow(networks, seed, numbers, of_class)
        return as_pixels(made)

    def exportable(self, networks: Networks, num: int) -> Exportable:
        """The network alone: what follows it from noise to an image is a loop of the user."""
        inputs = {"images": torch.randn(num, *self._shape), "times": torch.rand(num)}
        meanings = {
            "images": "noise at time 0, pixels from -1 to 1 at time 1",
            "times": "from 0 to 1",
            "seen": "the image that the network sees; it moves there by (seen - images) / "
            "(1 - times) in a unit of time",
            **meaning_of_classes(self.classes),
        }
        inputs |= random_classes(num, self.classes)
        return Exportable(networks[NETWORK], inputs, "seen", meanings)

    def show(self, networks: Networks, first: FirstSamples) -> Shown:  # noqa: ARG002
        """The first images of the evaluation, and how some of them came out of noise."""
        flow = list(self._flow(networks, EVALUATED, range(GRID * GRID), None))
        moments = [flow[round(i * self._steps / (MOMENTS - 1))][:ROWS] for i in range(MOMENTS)]
        strip = as_pixels(torch.stack(moments, 1).flatten(0, 1))
        figures = (
            Images("Generated images", "generated", columns=GRID),
            Images("From noise to an image", "strip", columns=MOMENTS),
        )
        grid = as_pixels(flow[-1])
        return Shown(figures, {"generated": grid.cpu().numpy(), "strip": strip.cpu().numpy()})

    def _flow(
        self, networks: Networks, seed: int, numbers: Sequence[int], of_class: int | None
    ) -> Iterator[Tensor]:
        """The images after each step, [n, C, H, W]; the first are noise."""
        network = networks[NETWORK]
        like = any_parameter(network)
        images = numbered_noise(seed, numbers, self._shape, like)
        classes = numbered_classes(numbers, self.shares, of_class, like)
        step = 1 / self._steps
        yield images
        for index in range(self._steps - 1):
            times = images.new_full((len(images),), index * step)
            velocity = _velocity(network, images, times, classes)
            ahead = _velocity(network, images + step * velocity, times + step, classes)
            images = images + step / 2 * (velocity + ahead)
            yield images
        times = images.new_full((len(images),), 1 - step)
        yield images + step * _velocity(network, images, times, classes)

    def _errors(  # noqa: PLR0917
        self,
        networks: Networks,
        images: Tensor,
        noise: Tensor,
        times: Tensor,
        classes: Tensor | None,
    ) -> Tensor:
        """The mean squared error of the velocity of each image, [n]."""
        where = times[:, None, None, None]
        between = (1 - where) * noise + where * images
        seen = networks[NETWORK](between, times, classes).float()
        # The same as the error of the velocity, where that much time is left.
        left = (1 - where).clamp(min=SHORTEST)
        errors: Tensor = ((seen - images) / left).square().mean((1, 2, 3))
        return errors


def _velocity(network: nn.Module, images: Tensor, times: Tensor, classes: Tensor | None) -> Tensor:
    """The way to the image that the network sees in a noisy one, over the time that is left."""
    left = (1 - times)[:, None, None, None]
    velocity: Tensor = (network(images, times, classes).float() - images) / left
    return velocity


def _times(uniform: Tensor) -> Tensor:
    """From numbers spread over [0, 1] to times, of which most are in the middle."""
    return torch.sigmoid(torch.special.ndtri(uniform) + SHIFT)
