"""RandAugment: each image is changed by a few operations that are drawn for it.

Source: Cubuk et al. 2020, "RandAugment: Practical automated data augmentation with a reduced search
space"; operations and magnitudes are those of torchvision.
"""

from collections.abc import Mapping

import torch
from torchvision.transforms import v2

from distnet.data.batch import Batch
from distnet.data.fields.field import Field
from distnet.data.images.image_file import has_white_paper


class RandAugmenting:
    """Changes the images of a sample; nothing else moves with them.

    Args:
        num_ops: operations on each image.
        magnitude: of them, from 0 to 30.
        fields: of a sample, one of which holds images of 1 or 3 channels.
    """

    def __init__(self, num_ops: int, magnitude: int, fields: Mapping[str, Field]) -> None:
        self._name = next(name for name, field in fields.items() if field.kind == "image")
        paper = 255 if has_white_paper(fields[self._name]) else 0
        self._change = v2.RandAugment(num_ops, magnitude, fill=paper)

    def __call__(self, batch: Batch) -> Batch:
        """Change images, uint8 [n, C, H, W], each by operations of its own."""
        changed = [self._change(image) for image in batch.tensor(self._name)]
        return batch.with_(**{self._name: torch.stack(changed)})
