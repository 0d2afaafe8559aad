"""Generators as ONNX files: classes as an input, pixels as the output.

Letters: n images [n, C, H, W], K classes.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES = "classes"


class AsPixels(nn.Module):
    """A generator of images in [-1, 1], whose output is in pixels from 0 to 255, not rounded."""

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, noise: Tensor, classes: Tensor | None = None) -> Tensor:
        """Images of noise [n, z] (and classes [n, K])."""
        made: Tensor = self.generator(noise, classes)
        return ((made + 1) * 127.5).clamp(0, 255)


def random_classes(num: int, classes: tuple[str, ...]) -> dict[str, Tensor]:
    """The input for the classes, one-hot [num, K], by its name; none without classes."""
    if not classes:
        return {}
    return {CLASSES: F.one_hot(torch.randint(len(classes), (num,)), len(classes)).float()}


def meaning_of_classes(classes: tuple[str, ...]) -> dict[str, str]:
    """What that input holds, by its name."""
    return {CLASSES: f"1 for the class, else 0: {', '.join(classes)}"} if classes else {}
