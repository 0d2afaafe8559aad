"""What looks at generated images in place of a person: a classifier with fixed weights.

Its features say how alike two sets of images are, its classes which of them are among the samples.
The weights ship with distnet; `judges/README.md` says where they come from.

Letters: n images, d features, K classes.
"""

from hashlib import sha256
from pathlib import Path
from typing import Literal, Protocol

import torch
from safetensors.torch import load
from torch import Tensor, nn
from torch.nn import functional as F

from distnet.data.fields.field import Field
from distnet.data.manifest import read_manifest
from distnet.data.scale import Scale
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.networks.images.cnn import CNN

JudgeName = Literal["mnist", "none"]
WEIGHTS = Path(__file__).parent / "judges" / "mnist.safetensors"
SHA256 = "dd6073dc35d3559e9b6a65dea5c9716bac80a5551bbc790d6878c85b23a18053"
SIDE = 8
"""Of the image whose pixels are the features where there is no classifier."""


class Judge(Protocol):
    """Computes features of images, and knows classes if it is a classifier."""

    classes: tuple[str, ...]
    """Empty if it is none."""

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, d] and probabilities of the classes [n, K] of images uint8 [n, C, H, W]."""
        ...


def make_judge(name: JudgeName, images: Field) -> Judge:
    """The judge of this name for images of a dataset.

    Raises:
        ValueError: it does not know images of that shape.
    """
    if name == "none":
        return PixelJudge()
    judge = DigitJudge()
    if images.shape != judge.shape:
        raise ValueError(
            f"judge mnist knows images of shape {judge.shape}, but those of the data have the "
            f"shape {images.shape}; use judge: none, which compares the pixels of reduced images "
            "and measures neither confidence nor the share of each class"
        )
    return judge


class DigitJudge:
    """The network of `jobs/digits-cnn.yaml`, trained by that job: 99.23 % of the test digits.

    Its features are the 64 neurons before the output.

    Raises:
        DataError: the file of its weights is not the one that shipped.
    """

    def __init__(self) -> None:
        data = read_manifest(find_dataset("mnist", folder=Path()))
        self.classes, self.shape = data.y.classes, data.x.shape
        self._field, self._scales = data.x, dict[str, Scale]()
        network = CNN(data.x.shape, len(data.y.classes))
        network.load_state_dict(load(_weights()))
        *layers, self._output = network.eval().requires_grad_(False)
        self._features = nn.Sequential(*layers).eval()

    @torch.no_grad()
    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, 64] and probabilities [n, 10] of digits uint8 [n, 1, 28, 28], in fp32."""
        device = images.device
        if str(device) not in self._scales:
            self._scales[str(device)] = Scale(self._field, normalise=True, device=str(device))
            self._features.to(device)
            self._output.to(device)
        with torch.autocast(device.type, enabled=False):
            features: Tensor = self._features(self._scales[str(device)](images))
            outputs: Tensor = self._output(features)
        return features, outputs.softmax(1)


class PixelJudge:
    """No classifier: the features are the pixels of the image reduced to 8 x 8."""

    classes: tuple[str, ...] = ()

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Features [n, C * 64] in [0, 1], and no probabilities [n, 0]."""
        reduced = F.adaptive_avg_pool2d(images.float() / 255, SIDE).flatten(1)
        return reduced, reduced[:, :0]


def _weights() -> bytes:
    data = WEIGHTS.read_bytes()
    found = sha256(data).hexdigest()
    if found != SHA256:
        raise DataError(
            f"{WEIGHTS}: found other weights than those that ship with distnet (sha256 "
            f"{found[:8]}..., expected {SHA256[:8]}...); install distnet again"
        )
    return data
