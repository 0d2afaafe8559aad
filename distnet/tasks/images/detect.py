"""Find the objects on an image: a class, a box and a score for each.

Letters: n images, K classes, m objects of an image.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torchvision.ops import clip_boxes_to_image

from distnet.data.batch import Batch
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.image import ImageField
from distnet.data.manifest import Manifest
from distnet.errors import PartError
from distnet.run_folder.figures import Box, Images
from distnet.spec.metric import LOSS, Metric
from distnet.spec.sections.section import Fraction
from distnet.tasks.images._average_precision import average_precision, describe
from distnet.tasks.images._cells import Cells
from distnet.tasks.images._detections import find_objects, from_bytes, scores, to_bytes
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

__all__ = ("Detect",)

BOXES, SCENES = "boxes", "scenes"
NUM_SHOWN, COLUMNS = 6, 2
OUTPUTS_OF_BOX = 5
"""Four distances and a quality."""


class Detect:
    """Focal loss of classes, generalised IoU of boxes, and their quality; mAP is the headline.

    The network, such as `detector`, is made with the shape of an image and K + 5. It gives a list
    of maps [n, K + 5, h, w], the finest first, whose cells have sides that are powers of two. What
    a cell's numbers mean is described in `distnet/networks/images/detector.py`.

    The loss of a step is the sum over its images, divided by the number of cells that learn a box;
    an image without any counts as one. So it does not depend on the slices. Objects that the data
    marks as difficult are neither learned nor counted.

    Args:
        min_score: an object below is not reported.
        max_overlap: of two boxes of one class that overlap by more, the better one is reported.
        show_score: the same as `min_score`, for predictions and the report's images. There, boxes
            of any classes that overlap by more than `max_overlap` are one object.

    Raises:
        ValueError: the dataset has no images of one size, or no boxes with classes.
    """

    metrics = (Metric("map50", "percent", "higher"), Metric("map", "percent", "higher"))
    collects = True

    def __init__(
        self,
        data: Manifest,
        *,
        min_score: Fraction = 0.05,
        max_overlap: Fraction = 0.5,
        show_score: Fraction = 0.5,
    ) -> None:
        x, boxes = data.fields.get("x"), data.fields.get(BOXES)
        if not isinstance(x, ImageField) or not isinstance(boxes, BoxesField) or not boxes.classes:
            found = ", ".join(f"{name} ({field.kind})" for name, field in data.fields.items())
            raise ValueError(
                "task detect needs the fields x (image) and boxes (boxes with classes), but "
                f"{data.name!r} has {found}; import images with boxes: --kind pascal-voc"
            )
        if x.is_encoded:
            raise ValueError(
                f"task detect needs images of one size, but those of {data.name!r} differ; import "
                "them again with a size for all, such as --size 240x320"
            )
        self.classes, self._size = boxes.classes, (x.shape[1], x.shape[2])
        self.network_arguments = (x.shape, len(boxes.classes) + OUTPUTS_OF_BOX)
        self._min_score, self._max_overlap = min_score, max_overlap
        self._show_score = max(show_score, min_score)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:  # noqa: ARG002
        """The loss of each image for each of its cells that learn a box, and how many do."""
        values, weights = self._losses(self._cells(networks, batch), batch)
        return Loss(values, weights)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        """Sums of the losses and weights; what was found, and what is true, is collected."""
        cells = self._cells(networks, batch)
        values, weights = self._losses(cells, batch)
        sums = torch.stack([(values * weights).double().sum(), weights.double().sum()])
        overlap = self._max_overlap
        found = find_objects(cells, self._size, min_score=self._min_score, max_overlap=overlap)
        return Measured(sums, values, to_bytes(found, batch.ragged(BOXES).split()))

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        """Mean average precision, over all classes and for each."""
        images = from_bytes(collected)
        precision = average_precision(images)
        metrics = {
            LOSS.name: float(sums[0] / sums[1]),
            "map50": precision.mean(slice(1)),
            "map": precision.mean(),
        }
        return Summary(metrics, describe(precision, self.classes, images))

    def show(self, networks: Networks, first: FirstSamples) -> Shown:
        """Some images with the boxes that were found and the true ones."""
        stored, batch = first(NUM_SHOWN)
        found = self._shown(networks, batch)
        boxes = tuple(
            (
                *(self._true_box(each) for each in true),
                *(self._found_box(each) for each in of_image),
            )
            for of_image, true in zip(found, stored.ragged(BOXES).split(), strict=True)
        )
        title = "Objects found, and the true ones (dashed)"
        figure = Images(title, SCENES, boxes=boxes, columns=COLUMNS)
        return Shown((figure,), {SCENES: stored.tensor("x").numpy()})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        """The objects of each image, the best first, with their boxes in pixels."""
        found = self._shown(networks, batch)
        return [{BOXES: [self._named(each) for each in of_image.tolist()]} for of_image in found]

    def to_image(self, prediction: dict[str, Any], size: tuple[int, int]) -> dict[str, Any]:
        """The objects with their boxes in pixels of an image of `size` (height, width)."""
        down, across = (side / own for side, own in zip(size, self._size, strict=True))
        factors = {"left": across, "top": down, "right": across, "bottom": down}
        return {
            BOXES: [
                {k: round(v * factors[k], 2) if k in factors else v for k, v in one.items()}
                for one in prediction[BOXES]
            ]
        }

    def exported(self, levels: Sequence[Tensor]) -> Tensor:
        """Each cell's box in pixels and its score for each class, [n, L, 4 + K].

        Those below `min_score`, and boxes that overlap with better ones, are among them.
        """
        cells = Cells.of(levels, self._size)
        return torch.cat([clip_boxes_to_image(cells.boxes, self._size), scores(cells)], 2)

    def _cells(self, networks: Networks, batch: Batch) -> Cells:
        """Run the network.

        Raises:
            PartError: it returned something else than maps.
        """
        levels: Any = networks[NETWORK](batch.tensor("x"))
        width = self.network_arguments[1]
        is_list = isinstance(levels, list | tuple) and bool(levels)
        if not is_list or any(level.ndim != 4 or level.shape[1] != width for level in levels):
            raise PartError(
                f"task detect needs a network that returns a list of maps [n, {width}, h, w], such "
                f"as detector, but {type(networks[NETWORK]).__name__} returned "
                f"{_described(levels)}"
            )
        return Cells.of(levels, self._size)

    @staticmethod
    def _losses(cells: Cells, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of each image for one of its weights [n], and its weight [n]."""
        sums, counts = cells.losses(batch.ragged(BOXES))
        weights = counts.clamp(min=1)
        return sums / weights, weights

    def _shown(self, networks: Networks, batch: Batch) -> list[Tensor]:
        """The objects of each image, one class at a position."""
        return find_objects(
            self._cells(networks, batch),
            self._size,
            min_score=self._show_score,
            max_overlap=self._max_overlap,
            is_one_class=True,
        )

    def _named(self, numbers: Sequence[float]) -> dict[str, Any]:
        """One object that was found, from its numbers [6]."""
        *edges, score, label = numbers
        sides = dict(zip(("left", "top", "right", "bottom"), edges, strict=True))
        return {"class": self.classes[int(label)], "score": round(score, 4), **sides}

    def _found_box(self, numbers: Tensor) -> Box:
        left, top, right, bottom, score, label = numbers.tolist()
        return Box(left, top, right, bottom, f"{self.classes[int(label)]} {score:.0%}")

    @staticmethod
    def _true_box(numbers: Tensor) -> Box:
        left, top, right, bottom, _, *difficult = numbers.tolist()
        return Box(left, top, right, bottom, "difficult" * any(difficult), is_predicted=False)


def _described(levels: Any) -> str:
    if isinstance(levels, Tensor):
        return f"one tensor {list(levels.shape)}"
    if isinstance(levels, list | tuple) and all(isinstance(each, Tensor) for each in levels):
        return f"{len(levels)} tensors: {', '.join(str(list(each.shape)) for each in levels)}"
    return type(levels).__name__
