"""Classify each sample.

Letters: n samples, K classes, k of `top_k`. With few classes, the confusion matrix K x K is summed;
with many, each sample's cell in it is collected, and the cells are counted at the end.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.manifest import Manifest
from distnet.run_folder.figures import Confusion, Dots, Table
from distnet.spec.metric import Baseline, Metric
from distnet.spec.reading.faults import unknown
from distnet.spec.sections.section import Fraction, PositiveFloat, PositiveInt
from distnet.tasks.baseline import Known, rule_metrics
from distnet.tasks.confused import CELL, Confused
from distnet.tasks.groups import Groups
from distnet.tasks.task import Summary

__all__ = ("Classify",)

LIKELIEST = 3  # the classes that a prediction shows
MOST_DENSE = 256
"""With more classes, the confusion matrix is not kept as K x K numbers but as the cells in use."""
MOST_PAIRS = 100
"""With many classes, this many of the most often confused pairs are kept."""
ACCURACY = "accuracy"
SCORES = ("precision", "recall", "f1")


class Classify:
    """Cross-entropy over the classes of the dataset; accuracy is the headline metric.

    Args:
        label_smoothing: the part of a target spread evenly over all classes (Szegedy et al. 2016).
        top_k: also count a sample as correct where its class is among the k likeliest.
        balanced: weigh each class by the inverse of how often it occurs in the training split.
        class_weights: multiply the losses of these classes, by their names; the others count 1.
        by: another field of classes, such as the speaker; the accuracy is stated for each of them.

    Raises:
        ValueError: the dataset has no classes.
    """

    training = (ACCURACY,)

    def __init__(
        self,
        data: Manifest,
        *,
        label_smoothing: Fraction = 0.0,
        top_k: PositiveInt = 5,
        balanced: bool = False,
        class_weights: dict[str, PositiveFloat] | None = None,
        by: str | None = None,
    ) -> None:
        if data.y.kind != "class" or len(data.y.classes) < 2:
            raise ValueError(
                f"task classify needs a dataset with two or more classes, but the targets of "
                f"{data.name!r} are {_described(data)}"
            )
        self.classes = data.y.classes
        self.num_outputs = len(self.classes)
        self._smoothing = label_smoothing
        self._top_k = top_k if top_k < self.num_outputs else 0
        if balanced and class_weights:
            raise ValueError("found balanced beside class_weights, expected one of them")
        given = _given_weights(self.classes, class_weights) if class_weights else None
        self._weights = _balanced_weights(data) if balanced else given
        self.groups = None if by is None else Groups(data, by)
        self.collects = self.num_outputs > MOST_DENSE
        near = (Metric(f"top{top_k}", "percent", "higher"),) if self._top_k else ()
        accuracy = Metric(ACCURACY, "percent", "higher")
        self.metrics = (accuracy, *near, Metric("macro_f1", "percent", "higher"))

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each sample, [n], from outputs [n, K] and classes [n]."""
        if self._weights is not None and self._weights.device != outputs.device:
            self._weights = self._weights.to(outputs.device)  # once: a GPU waits for each copy
        return F.cross_entropy(
            outputs,
            targets.long(),
            self._weights,
            reduction="none",
            label_smoothing=self._smoothing,
        )

    def scores(self, outputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Return 1 for each correctly classified sample, else 0, [n]."""
        return {ACCURACY: (outputs.argmax(1) == targets).float()}

    def sums(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return [right within top k], and of few classes also [confusion of K x K...], float64."""
        near = self._num_near(outputs, targets)[None]
        if self.collects:
            return near
        cells = self._cells(outputs, targets)
        confusion = torch.bincount(cells, minlength=self.num_outputs**2).double()
        return torch.cat([near, confusion])

    def collect(self, outputs: Tensor, targets: Tensor) -> bytes:
        """Return the cell of each sample in the confusion matrix."""
        return self._cells(outputs, targets).cpu().numpy().astype(CELL).tobytes()

    def summarise(self, sums: Tensor, collected: Sequence[bytes] = ()) -> Summary:
        """Return accuracy, the mean F1, and top-k where K > k; and their figures.

        The mean F1 is over the classes that occur or are predicted, as in scikit-learn.

        Args:
            sums: of all samples.
            collected: of many classes, the cell of each sample in the confusion matrix.
        """
        if self.collects:
            cells, counts = np.unique(np.frombuffer(b"".join(collected), CELL), return_counts=True)
        else:
            cells = np.flatnonzero(sums[1:].numpy())
            counts = sums[1:].numpy()[cells].astype(np.int64)
        confused = Confused(self.num_outputs, cells, counts)
        metrics = {ACCURACY: float(confused.right.sum()) / float(counts.sum())}
        if self._top_k:
            metrics[f"top{self._top_k}"] = float(sums[0]) / float(counts.sum())
        scores = _class_scores(confused)
        in_use = (confused.actual + confused.predicted).tolist()
        seen = [f1 for f1, n in zip(scores["f1"], in_use, strict=True) if n]
        metrics["macro_f1"] = sum(seen) / len(seen)
        return Summary(metrics, (*self._confusion(confused), *self._scores(confused, scores)))

    def baseline(self, known: Known) -> Baseline:
        """Return what the most frequent class of the training samples reaches."""
        counts = torch.zeros(self.num_outputs, dtype=torch.float64)
        for batch in known.train("y"):
            counts += torch.bincount(batch.tensor("y").long(), minlength=self.num_outputs)
        targets = (batch.tensor("y") for batch in known.measured("y"))
        metrics = rule_metrics(self, ((counts.expand(len(y), -1), y) for y in targets))
        return Baseline("majority class", metrics)

    def prediction(self, output: Tensor) -> dict[str, Any]:
        """Return the likeliest class of one output [K], its probability, and the best three."""
        probabilities, classes = output.float().softmax(0).topk(min(LIKELIEST, self.num_outputs))
        top = [
            {"class": self.classes[index], "probability": probability}
            for index, probability in zip(classes.tolist(), probabilities.tolist(), strict=True)
        ]
        return {**top[0], "top": top}

    def _num_near(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if not self._top_k:
            return outputs.new_zeros((), dtype=torch.float64)
        nearest = outputs.topk(self._top_k, dim=1).indices
        return (nearest == targets[:, None]).any(1).double().sum()

    def _cells(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The cell of each sample in the confusion matrix, int64 [n]: actual * K + predicted."""
        return targets.long() * self.num_outputs + outputs.argmax(1)

    def _confusion(self, confused: Confused) -> tuple[Confusion | Dots | Table, ...]:
        """The confusion matrix (row: actual, column: predicted); of many classes, its pairs."""
        if not self.collects:
            return (Confusion("Confusion matrix", self.classes, confused.dense()),)
        pairs = confused.pairs(MOST_PAIRS)
        if not pairs:
            return ()
        names = [(self.classes[actual], self.classes[predicted]) for actual, predicted, _ in pairs]
        counts = [count for _, _, count in pairs]
        shares = [count / int(confused.actual[actual]) for actual, _, count in pairs]
        title = "Most often confused"
        heads = ("actual", "predicted", "samples", "share of actual")
        rows = tuple(
            (*name, n, share) for name, n, share in zip(names, counts, shares, strict=True)
        )
        return (
            Dots(
                title,
                "actual as predicted",
                tuple(f"{actual} as {predicted}" for actual, predicted in names),
                {"samples": tuple(map(float, counts))},
            ),
            Table(title, heads, rows, ("number", "number", "number", "percent")),
        )

    def _scores(
        self, confused: Confused, scores: dict[str, tuple[float, ...]]
    ) -> tuple[Dots, Table]:
        """Each class's scores."""
        columns = [self.classes, *scores.values(), confused.actual.tolist()]
        weakest = sorted(range(self.num_outputs), key=scores["f1"].__getitem__)
        return (
            Dots(
                "Scores of each class",
                "class",
                tuple(self.classes[i] for i in weakest),
                {name: tuple(values[i] for i in weakest) for name, values in scores.items()},
                "percent",
            ),
            Table(
                "Scores of each class",
                ("class", *scores, "samples"),
                tuple(zip(*columns, strict=True)),
                ("number", "percent", "percent", "percent", "number"),
            ),
        )


def _class_scores(confused: Confused) -> dict[str, tuple[float, ...]]:
    """Precision, recall and F1 of each class."""
    right, actual, predicted = confused.right, confused.actual, confused.predicted
    columns = (
        # Where nothing was predicted or present, right is 0 as well, and 0 / 1 is the score.
        right / np.maximum(predicted, 1),
        right / np.maximum(actual, 1),
        2 * right / np.maximum(actual + predicted, 1),
    )
    return {name: tuple(c.tolist()) for name, c in zip(SCORES, columns, strict=True)}


def _described(data: Manifest) -> str:
    if data.y.kind == "class":
        return f"of the single class {', '.join(data.y.classes) or '(none)'}"
    if data.y.kind == "number":
        return f"numbers ({', '.join(data.y.names) or 'unnamed'}); use task: {{kind: regress}}"
    return f"of kind {data.y.kind}, which needs a task of your own"


def _given_weights(classes: Sequence[str], given: Mapping[str, float]) -> Tensor:
    """The weight of each class."""
    for name in given:
        if name not in classes:
            raise ValueError(f"class_weights: {unknown('class', name, classes)}")
    return torch.tensor([given.get(name, 1.0) for name in classes], dtype=torch.float32)


def _balanced_weights(data: Manifest) -> Tensor:
    """Weights whose mean over the training samples is 1."""
    counts = data.y.class_counts.get("train", ())
    if not counts or 0 in counts:
        raise ValueError(
            f"balanced needs samples of every class in the training split, but {data.name!r} has "
            f"{dict(zip(data.y.classes, counts, strict=False)) or 'no counts of its classes'}"
        )
    weights = [sum(counts) / (len(counts) * count) for count in counts]
    return torch.tensor(weights, dtype=torch.float32)
