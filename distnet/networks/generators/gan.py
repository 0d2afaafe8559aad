"""Two networks that compete: a generator of images, and a critic that knows them from real ones.

Source: Goodfellow et al. 2014 (the game); Radford, Metz and Chintala 2016 (DCGAN: convolutions that
double and halve the image, batch normalisation in the generator, leaky rectifiers in the critic);
Miyato and Koyama 2018 (the critic sees the class by a projection). The critic has no batch
normalisation, so that each of its scores depends on one image alone, as a gradient penalty needs.

Letters: n images [n, C, H, W] in [-1, 1], z numbers of noise, K classes.
"""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.networks.layers import image_shape
from distnet.spec.sections.section import PositiveInt

__all__ = ("GAN",)

START_STD = 0.02
"""Of the first weights, as in DCGAN."""


class GAN(nn.Module):
    """A generator and a critic for images whose sides can be divided by 4; not called itself.

    It is made from the shape of the images and the number of classes that it is given (0: none).

    Args:
        noise: the random numbers of which an image is made.
        channels: the feature maps at half the size of the image; twice as many at a quarter.
    """

    def __init__(
        self,
        input_shape: tuple[int, ...],
        num_classes: int,
        *,
        noise: PositiveInt = 64,
        channels: PositiveInt = 32,
    ) -> None:
        super().__init__()
        num_maps, height, width = image_shape("gan", input_shape)
        if height % 4 or width % 4:
            raise ValueError(
                f"gan doubles a small image twice and needs sides that can be divided by 4, but "
                f"the data has {height} x {width} pixels"
            )
        self.noise, self.num_classes = noise, num_classes
        quarter = (2 * channels, height // 4, width // 4)
        self.generator = Generator(noise + num_classes, quarter, num_maps)
        self.critic = Critic(num_maps, quarter, num_classes)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
                nn.init.normal_(layer.weight, std=START_STD)


class Generator(nn.Module):
    """From noise (and a class) to images: a linear layer, then the size is doubled twice."""

    def __init__(self, num_inputs: int, quarter: tuple[int, int, int], num_maps: int) -> None:
        super().__init__()
        channels, height, width = quarter
        half = channels // 2
        self.layers = nn.Sequential(
            OrderedDict(
                start=nn.Linear(num_inputs, channels * height * width, bias=False),
                unflatten=nn.Unflatten(1, quarter),
                norm1=nn.BatchNorm2d(channels),
                activation1=nn.ReLU(),
                double1=nn.ConvTranspose2d(channels, half, 4, 2, 1, bias=False),
                norm2=nn.BatchNorm2d(half),
                activation2=nn.ReLU(),
                double2=nn.ConvTranspose2d(half, num_maps, 4, 2, 1),
                bounded=nn.Tanh(),
            )
        )

    def forward(self, noise: Tensor, classes: Tensor | None = None) -> Tensor:
        """Images [n, C, H, W] of noise [n, z]; the classes are one-hot, [n, K]."""
        images: Tensor = self.layers(noise if classes is None else torch.cat([noise, classes], 1))
        return images


class Critic(nn.Module):
    """From images (and a class) to scores: the size is halved twice, then a linear layer."""

    def __init__(self, num_maps: int, quarter: tuple[int, int, int], num_classes: int) -> None:
        super().__init__()
        channels, height, width = quarter
        self.halve1 = nn.Conv2d(num_maps, channels // 2, 4, 2, 1)
        self.halve2 = nn.Conv2d(channels // 2, channels, 4, 2, 1)
        num_features = channels * height * width
        self.score = nn.Linear(num_features, 1)
        self.of_class = nn.Linear(num_classes, num_features, bias=False) if num_classes else None

    def forward(self, images: Tensor, classes: Tensor | None = None) -> Tensor:
        """The score [n] of each image: above 0, it is taken as real; the classes are one-hot."""
        features = F.leaky_relu(self.halve1(images), 0.2)
        features = F.leaky_relu(self.halve2(features), 0.2).flatten(1)
        scores: Tensor = self.score(features)[:, 0]
        if self.of_class is not None and classes is not None:
            scores = scores + (self.of_class(classes) * features).sum(1)
        return scores
