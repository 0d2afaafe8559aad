"""Give each pixel of an image its class.

Letters: n samples, K classes, H height, W width. The confusion matrix [K, K] of all pixels is
summed, so every metric is exact over all samples.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from distnet.data.batch import Batch
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Dots, Images, Table
from distnet.spec.code.own_errors import refusal
from distnet.spec.metric import LOSS, Metric
from distnet.spec.sections.section import NonNegativeFloat
from distnet.tasks.task import (
    NETWORK,
    FirstSamples,
    Loss,
    Measured,
    Networks,
    Phase,
    Shown,
    Summary,
)

__all__ = ("Segment",)

MEAN_IOU, ACCURACY = "mean_iou", "pixel_accuracy"
NUM_SHOWN = 8
SCENES, MASKS = "segmented", "segmented_masks"
"""The arrays of what is shown."""


class Segment:
    """Cross-entropy of each pixel; the mean intersection over union is the headline metric.

    The network is made with the shape of an image `x` and the number of classes of `mask`; it
    gives outputs [n, K, H, W]. The mean is over the classes that occur or are predicted. Pixels
    without a class are neither trained on nor counted, and nor are images that have no others.

    Args:
        dice: how much of the Dice loss is added (Milletari et al. 2016): 1 - 2 |P T| / (|P| + |T|)
            of each class, for probabilities P and targets T of one image. It counts small objects
            as much as large ones.

    Raises:
        ValueError: the dataset has no images with masks of their size.
    """

    phases = (Phase(metrics=(ACCURACY,)),)
    metrics = (Metric(MEAN_IOU, "percent", "higher"), Metric(ACCURACY, "percent", "higher"))

    def __init__(self, data: Manifest, *, dice: NonNegativeFloat = 0.0) -> None:
        x, mask = data.fields.get("x"), data.fields.get("mask")
        if (
            not isinstance(x, ImageField)
            or not isinstance(mask, MaskField)
            or (x.shape[1:] != mask.shape)
        ):
            found = ", ".join(f"{n} ({f.kind} {list(f.shape)})" for n, f in data.fields.items())
            raise ValueError(
                f"task segment needs images x of one size, and masks of that size in the field "
                f"mask; found {found}"
            )
        self.classes, self._void, self._dice = mask.classes, mask.ignore_index, dice
        self.network_arguments = (x.shape, len(self.classes))

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        """The loss of each image, the mean over its pixels; and the accuracy of the pixels."""
        outputs, mask = self._outputs(networks, batch), batch.tensor("mask").long()
        is_right = (outputs.detach().argmax(1) == mask).float()
        values, weights = self._losses(outputs, mask)
        num_pixels = is_right.numel() if self._void is None else (mask != self._void).sum()
        return Loss(values, weights, {ACCURACY: (is_right.sum(), num_pixels)})

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """The number of images, the sum of their losses, and the confusion of the pixels."""
        outputs, mask = self._outputs(networks, batch), batch.tensor("mask").long()
        losses, weights = self._losses(outputs, mask)
        losses = losses.double()
        number = losses.new_tensor(len(losses)) if weights is None else weights.double().sum()
        confusion = self._confusion(mask, outputs.argmax(1))
        return Measured(torch.cat([torch.stack([number, losses.sum()]), confusion]), losses)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """The mean loss, the mean IoU and the accuracy, and a table of the classes."""
        num_classes = len(self.classes)
        confusion = sums[2:].reshape(num_classes, num_classes).numpy()
        scores = _Scores(confusion)
        metrics = {
            LOSS.name: float(sums[1] / sums[0].clamp(min=1)),
            MEAN_IOU: scores.mean_iou,
            ACCURACY: float(confusion.trace() / max(confusion.sum(), 1)),
        }
        return Summary(metrics, self._figures(scores))

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The part of each image that each class found in it has, and its mask, uint8 [H, W]."""
        masks = self._outputs(networks, batch).argmax(1).to(torch.uint8).cpu().numpy()
        return [{"shares": self._shares(mask), "mask": mask} for mask in masks]

    def to_image(self, prediction: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """The prediction with a mask of this height and width, that of the given image."""
        mask = prediction["mask"]
        rows, columns = (np.arange(to) * by // to for to, by in zip(size, mask.shape, strict=True))
        return prediction | {"mask": mask[rows[:, None], columns]}

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """The first images, each with its mask and with the predicted one."""
        stored, prepared = first(NUM_SHOWN)
        predicted = self._outputs(networks, prepared).argmax(1).to(torch.uint8).cpu()
        actual = stored.tensor("mask")
        has_class = torch.full_like(actual, True) if self._void is None else actual != self._void
        num_right, counts = (predicted == actual).sum((1, 2)), has_class.sum((1, 2))
        right = (num_right.double() / counts.clamp(min=1)).tolist()
        captions = [text for part in right for text in ("as labelled", f"{part:.1%} right")]
        arrays = {
            SCENES: stored.tensor("x").repeat_interleave(2, dim=0).numpy(),
            MASKS: torch.stack([actual, predicted], 1).flatten(0, 1).numpy(),
        }
        figure = Images(
            "Masks", SCENES, tuple(captions), masks=MASKS, classes=self.classes, void=self._void
        )
        return Shown((figure,), arrays)

    def _outputs(self, networks: Networks, batch: Batch) -> Tensor:
        """Compute the outputs, fp32 [n, K, H, W]."""
        x, network = batch.tensor("x"), networks[NETWORK]
        outputs = network(x)
        expected = (len(x), len(self.classes), *x.shape[2:])
        if not isinstance(outputs, Tensor) or outputs.shape != expected:
            wanted = f"a tensor {list(expected)}: for each pixel an output a class"
            raise refusal(network, "forward", outputs, wanted)
        return outputs.float()

    def _losses(self, outputs: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | None]:
        """The loss of each image [n], from outputs [n, K, H, W] and classes [n, H, W].

        With it comes the weight of each image, 0 where no pixel has a class; None: all are 1.
        """
        if self._void is None:
            losses = F.cross_entropy(outputs, mask, reduction="none").mean((1, 2))
            if self._dice:
                losses = losses + self._dice * _dice_losses(outputs, mask)
            return losses, None
        has_class = mask != self._void
        counts = has_class.sum((1, 2))
        of_pixels = F.cross_entropy(outputs, mask, ignore_index=self._void, reduction="none")
        losses = of_pixels.sum((1, 2)) / counts.clamp(min=1)
        if self._dice:
            losses = losses + self._dice * _dice_losses(outputs, mask * has_class, has_class)
        weights = (counts > 0).float()
        return losses * weights, weights

    def _confusion(self, mask: Tensor, predicted: Tensor) -> Tensor:
        """The pixels of each class that were given each class, float64 [K * K]."""
        num_classes = len(self.classes)
        cells = mask * num_classes + predicted
        if self._void is not None:
            cells = cells[mask != self._void]
        return torch.bincount(cells.flatten(), minlength=num_classes**2).double()

    def _shares(self, mask: NDArray[np.uint8]) -> dict[str, float]:
        counts = np.bincount(mask.ravel(), minlength=len(self.classes))
        return {self.classes[i]: float(counts[i] / mask.size) for i in np.flatnonzero(counts)}

    def _figures(self, scores: "_Scores") -> tuple[Dots, Table]:
        columns = {"IoU": scores.iou, "precision": scores.precision, "recall": scores.recall}
        series = {name: tuple(values.tolist()) for name, values in columns.items()}
        weakest = np.argsort(scores.iou, kind="stable").tolist()
        rows = zip(self.classes, *series.values(), scores.actual.astype(int).tolist(), strict=True)
        title = "Scores of each class"
        return (
            Dots(
                title,
                "class",
                tuple(self.classes[i] for i in weakest),
                {name: tuple(values[i] for i in weakest) for name, values in series.items()},
                "percent",
            ),
            Table(
                title,
                ("class", *series, "pixels"),
                tuple(rows),
                ("number", "percent", "percent", "percent", "number"),
            ),
        )


class _Scores:
    """What a confusion matrix [actual, predicted] says of each class."""

    def __init__(self, confusion: NDArray[np.float64]) -> None:
        right, self.actual, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        union = self.actual + predicted - right
        # Where there is nothing, right is 0 as well, and 0 / 1 is the score.
        self.iou = right / np.maximum(union, 1)
        self.precision = right / np.maximum(predicted, 1)
        self.recall = right / np.maximum(self.actual, 1)
        self.mean_iou = float(self.iou.sum() / max(np.count_nonzero(union), 1))


def _dice_losses(outputs: Tensor, mask: Tensor, counted: Tensor | None = None) -> Tensor:
    """1 - the mean Dice coefficient of the classes of each image, [n]; 1 is added against 0 / 0.

    Pixels [n, H, W] that are not `counted` are left out.
    """
    parts = outputs.softmax(1)
    targets = torch.zeros_like(parts).scatter_(1, mask[:, None], 1.0)
    if counted is not None:
        parts, targets = parts * counted[:, None], targets * counted[:, None]
    shared, sizes = (parts * targets).sum((2, 3)), parts.sum((2, 3)) + targets.sum((2, 3))
    return 1 - ((2 * shared + 1) / (sizes + 1)).mean(1)
