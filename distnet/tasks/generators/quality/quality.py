"""How good generated images are: measured in the same way for every kind of generator.

As many images are generated as are evaluated. Both are shown to a judge (`judge.py`).

Letters: n images, d features, K classes.
"""

import torch
from torch import Tensor

from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Figure, Table
from distnet.spec.metric import Metric
from distnet.tasks.generators.quality.frechet import frechet_distance, gaussian, moment_sums
from distnet.tasks.generators.quality.judge import JudgeName, make_judge

DISTANCE, CONFIDENCE, SMALLEST = "frechet_distance", "confidence", "smallest_share"
PIXEL_DISTANCE = "pixel_frechet_distance"


class Quality:
    """Compares generated images with those of the data.

    Metrics with a classifier as the judge: the Frechet distance of its features, the mean
    probability that it gives to the likeliest class of a generated image, and the share of the
    rarest class among the generated images (0 where a class is never made). Else: the Frechet
    distance of the pixels of reduced images.

    Raises:
        ValueError: the judge does not know such images.
    """

    def __init__(self, judge: JudgeName, data: Manifest) -> None:
        self._judge = make_judge(judge, data.x)
        self.metrics: tuple[Metric, ...] = (Metric(PIXEL_DISTANCE),)
        if self._judge.classes:
            confidence = Metric(CONFIDENCE, "percent", "higher")
            smallest = Metric(SMALLEST, "percent", "higher")
            self.metrics = (Metric(DISTANCE), confidence, smallest)

    def sums(self, real: Tensor, generated: Tensor) -> Tensor:
        """Sums over images uint8 [n, C, H, W] of the data and as many generated ones, float64."""
        real_features, real_classes = self._judge(real)
        features, classes = self._judge(generated)
        return torch.cat(
            [
                moment_sums(real_features),
                moment_sums(features),
                _counts(real_classes),
                _counts(classes),
                _sum_of_likeliest(classes),
            ]
        )

    def summarise(self, sums: Tensor) -> tuple[dict[str, float], tuple[Figure, ...]]:
        """The metrics, and a figure of the share of each class."""
        num_classes = len(self._judge.classes)
        of_classes = 2 * num_classes + 1
        moments, rest = sums[:-of_classes], sums[-of_classes:]
        of_real, of_generated = moments.chunk(2)
        distance = frechet_distance(gaussian(of_real), gaussian(of_generated))
        if not num_classes:
            return {PIXEL_DISTANCE: distance}, ()
        real, made, confidence = rest[:num_classes], rest[num_classes:-1], rest[-1]
        made_share, real_share = (made / made.sum()).tolist(), (real / real.sum()).tolist()
        metrics = {
            DISTANCE: distance,
            CONFIDENCE: float(confidence / made.sum()),
            SMALLEST: min(made_share),
        }
        rows = tuple(zip(self._judge.classes, made_share, real_share, strict=True))
        title = "Share of each class, as the judge sees it"
        columns = "class", "generated", "evaluated"
        return metrics, (Table(title, columns, rows, ("number", "percent", "percent")),)


def _sum_of_likeliest(probabilities: Tensor) -> Tensor:
    """The summed probability of each sample's likeliest class, float64 [1]."""
    if not probabilities.shape[1]:
        return probabilities.new_zeros(1, dtype=torch.float64)
    return probabilities.double().amax(1).sum()[None]


def _counts(probabilities: Tensor) -> Tensor:
    """How many samples have each class as the likeliest one, float64 [K]."""
    num_classes = probabilities.shape[1]
    if not num_classes:
        return probabilities.new_zeros(0, dtype=torch.float64)
    return torch.bincount(probabilities.argmax(1), minlength=num_classes).double()


def known_classes(task: str, data: Manifest, *, is_conditional: bool) -> tuple[str, ...]:
    """The classes that a network is given; empty where it is given none.

    Raises:
        ValueError: the data has no images of one size, or no classes where they are needed.
    """
    if data.x.kind != "image" or len(data.x.shape) != 3:
        raise ValueError(
            f"task {task} needs images of one size, but the inputs of {data.name!r} are "
            f"{data.x.kind} of shape {data.x.shape}"
        )
    if not is_conditional:
        return ()
    if "y" not in data.fields or data.y.kind != "class":
        raise ValueError(
            f"task {task} with conditional: true needs classes, and {data.name!r} has none"
        )
    return data.y.classes


def class_shares(data: Manifest, classes: tuple[str, ...]) -> tuple[float, ...]:
    """How frequent each class is in the training data; all alike where that is not known."""
    counts = data.y.class_counts.get("train", ()) if classes else ()
    return tuple(map(float, counts if any(counts) else [1.0] * len(classes)))
