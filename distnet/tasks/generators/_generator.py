"""What every generator of images does, however it makes and learns them.

Letters: n images [n, C, H, W], K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.data.manifest import Manifest
from distnet.spec.metric import LOSS
from distnet.tasks.generators._numbered import as_pixels, one_hot
from distnet.tasks.generators.quality.judge import JudgeName
from distnet.tasks.generators.quality.quality import Quality, class_shares, known_classes
from distnet.tasks.task import Measured, Shadow, Summary


class Generator:
    """Makes images with a moving average of the weights; a judge compares them with the data's.

    Args:
        task: the kind of the task, for messages.
        data: the dataset.
        judge: what measures the images: `mnist`, a classifier of 28 x 28 digits, or `none`.
        average: the decay of the moving average with which images are made.
        conditional: whether the network is given the class of an image.

    Raises:
        ValueError: the data has no images, or not what the judge or the classes need.
    """

    takes_pixels = True
    numbered = True

    def __init__(
        self, task: str, data: Manifest, *, judge: JudgeName, average: float, conditional: bool
    ) -> None:
        self.classes = known_classes(task, data, is_conditional=conditional)
        self.shares = class_shares(data, self.classes)
        """Of the classes among the images that are made."""
        self.network_arguments = (data.x.shape, len(self.classes))
        self._quality = Quality(judge, data)
        self.metrics = self._quality.metrics
        self.shadows = (
            Shadow("average", decay=average, used_by=frozenset({"evaluation", "export"})),
        )

    def classes_of(self, batch: Batch) -> Tensor | None:
        """The classes that the network is given, one-hot [n, K]; None where it is given none."""
        return one_hot(batch.tensor("y"), len(self.classes)) if self.classes else None

    def compared(self, losses: Tensor, batch: Batch, made: Tensor) -> Measured:
        """What is measured where these images in [-1, 1] were made, one beside each of a batch."""
        pixels = (255 * batch.tensor("x")).round().byte()
        count = losses.new_tensor(len(losses))
        quality = self._quality.sums(pixels, as_pixels(made))
        return Measured(torch.cat([torch.stack([count, losses.sum()]), quality]), losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:  # noqa: ARG002
        """The mean loss, and the quality of the images."""
        metrics, figures = self._quality.summarise(sums[2:])
        return Summary({LOSS.name: float(sums[1] / sums[0])} | metrics, figures)
