"""Average precision of boxes as COCO defines it, by torchmetrics and faster-coco-eval.

Source: Lin et al. 2014, "Microsoft COCO: Common Objects in Context": precision is averaged over 101
values of recall, and that over the classes that occur; `map50` counts a box as right if it overlaps
a true one by 50 %, `map` is the mean over 50 % to 95 %. Difficult objects are what COCO calls a
crowd: not to find them is no error, and nor is what is found in them.

Letters: T overlaps, R values of recall, K classes that occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from distnet.run_folder.figures import Curve, Figure, Series, Table
from distnet.spec.extras import require_extra
from distnet.spec.metric import Format
from distnet.tasks.images._detections import Found, True_

MOST_CURVES = 6
OVERLAPS, RECALLS = np.linspace(0.5, 0.95, 10).tolist(), np.linspace(0, 1, 101).tolist()
"""As in pycocotools; torchmetrics rounds them to float32, and a recall of 0.3 is below that."""


@dataclass(frozen=True)
class Precision:
    """The precision of each class at each overlap and recall."""

    classes: tuple[int, ...]
    """The K that occur, or were found."""
    values: NDArray[np.float64]
    """[T, R, K]: -1 for a class that does not occur."""

    def mean(self, overlaps: slice = slice(None), which: int | None = None) -> float:
        """The average precision of a class, or of all that occur; 0 where none does."""
        values = self.values[overlaps] if which is None else self.values[overlaps, :, which]
        valid = values[values > -1]
        return float(valid.mean()) if valid.size else 0.0


def average_precision(images: Sequence[tuple[Found, True_]]) -> Precision:
    """Compare the objects that were found with the true ones.

    Raises:
        UnknownPartError: the extra `vision` is not installed.
    """
    what = {"extra": "vision", "what": "task detect"}
    require_extra("faster_coco_eval", **what)
    metric = require_extra("torchmetrics.detection", **what).MeanAveragePrecision(
        backend="faster_coco_eval",
        extended_summary=True,
        iou_thresholds=OVERLAPS,
        rec_thresholds=RECALLS,
    )
    for found, true in images:
        scores = torch.tensor(found[:, 4])
        ignored = torch.tensor(true[:, 5].astype(np.int64))
        metric.update(
            [_boxes(found, 5) | {"scores": scores}], [_boxes(true, 4) | {"iscrowd": ignored}]
        )
    result = metric.compute()
    classes = result["classes"].reshape(-1).tolist()
    return Precision(tuple(classes), result["precision"][..., 0, -1].numpy())


def describe(
    precision: Precision, classes: Sequence[str], images: Sequence[tuple[Found, True_]]
) -> tuple[Figure, ...]:
    """A table with a row for each class, and the precision at each recall."""
    labels = np.concatenate([true[true[:, 5] == 0, 4] for _, true in images]).astype(np.int64)
    counts = np.bincount(labels, minlength=len(classes))
    positions = {label: position for position, label in enumerate(precision.classes)}
    known = [label for label in range(len(classes)) if counts[label]]
    rows = tuple(
        (
            classes[label],
            int(counts[label]),
            precision.mean(slice(1), positions[label]),
            precision.mean(which=positions[label]),
        )
        for label in known
    )
    columns = ("class", "objects", "AP at 50 % overlap", "AP at 50 to 95 %")
    formats: tuple[Format, ...] = ("number", "number", "percent", "percent")
    recall = tuple(np.linspace(0, 1, precision.values.shape[1]).tolist())
    frequent = sorted(known, key=lambda label: -counts[label])[:MOST_CURVES]
    curves = tuple(
        Series(classes[label], recall, tuple(precision.values[0, :, positions[label]].tolist()))
        for label in frequent
    )
    return (
        Table("Average precision of each class", columns, rows, formats),
        Curve("Precision at 50 % overlap", "recall", "precision", curves),
    )


def _boxes(objects: NDArray[np.float32], label: int) -> dict[str, torch.Tensor]:
    return {
        "boxes": torch.tensor(objects[:, :4]),
        "labels": torch.tensor(objects[:, label].astype(np.int64)),
    }
