"""Generated images by their numbers: image i is made of noise that depends on a seed and i alone.

So the images of an evaluation are the same on any number of workers and in batches of any size, and
can be made again, one by one.

Letters: n images [n, C, H, W], K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.shuffle import mix

EVALUATED = 0
"""The seed of the images that an evaluation makes."""
GOLDEN = 0.6180339887498949
"""Its multiples, without their whole parts, are spread evenly over [0, 1]."""


def numbered_noise(seed: int, numbers: Sequence[int], shape: Sequence[int], like: Tensor) -> Tensor:
    """Normal noise [n, *shape] for the images with these numbers, on the device of `like`."""
    generator = torch.Generator()
    noise = torch.empty(len(numbers), *shape)
    for each, number in zip(noise, numbers, strict=True):
        each.normal_(generator=generator.manual_seed(mix(seed, number) >> 1))
    return noise.to(like.device)


def numbered_classes(
    numbers: Sequence[int], shares: Sequence[float], of_class: int | None, like: Tensor
) -> Tensor | None:
    """The classes of these images, one-hot [n, K]; None without classes.

    Args:
        numbers: of the images.
        shares: of all images, which each of the K classes has.
        of_class: the class of all of them; None for classes as frequent as that.
        like: decides the device.
    """
    if not shares:
        return None
    if of_class is None:
        bounds = torch.tensor(shares, dtype=torch.float64).cumsum(0)
        spread = torch.tensor(numbers, dtype=torch.float64) * GOLDEN % 1
        classes = torch.searchsorted(bounds / bounds[-1], spread, right=True)
    else:
        classes = torch.full((len(numbers),), of_class)
    return one_hot(classes.to(like.device), len(shares))


def one_hot(classes: Tensor, num_classes: int) -> Tensor | None:
    """Classes [n] as [n, K], fp32; None without classes."""
    return F.one_hot(classes.long(), num_classes).float() if num_classes else None


def signed(pixels: Tensor) -> Tensor:
    """From pixels in [0, 1] to [-1, 1]."""
    return 2 * pixels - 1


def as_pixels(images: Tensor) -> Tensor:
    """From images in [-1, 1] to pixels uint8; what lies beyond is cut off."""
    return ((images.float() + 1) * 127.5).round().clamp(0, 255).byte()


def any_parameter(network: nn.Module) -> Tensor:
    """A parameter, which knows the device of its network."""
    return next(network.parameters())
