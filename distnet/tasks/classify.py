"""Put each sample into one of the classes.

Letters: n samples, K classes, k of `top_k`.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from distnet.data.manifest import Manifest
from distnet.spec.sections.section import Fraction, PositiveInt

__all__ = ("Classify",)

LIKELIEST = 3  # the classes that a prediction shows


class Classify:
    """Cross-entropy over the classes of the dataset; accuracy is the score.

    Args:
        label_smoothing: the part of a target spread evenly over all classes (Szegedy et al. 2016).
        top_k: also count a sample as right where its class is among the k likeliest.
        balanced: weigh each class by the inverse of how often it stands in the training split.

    Raises:
        ValueError: the dataset has no classes.
    """

    score_name = "accuracy"

    def __init__(
        self,
        data: Manifest,
        *,
        label_smoothing: Fraction = 0.0,
        top_k: PositiveInt = 5,
        balanced: bool = False,
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
        self._weights = _class_weights(data) if balanced else None

    def losses(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of each sample, [n], from outputs [n, K] and classes [n]."""
        weights = None if self._weights is None else self._weights.to(outputs.device)
        return F.cross_entropy(
            outputs, targets.long(), weights, reduction="none", label_smoothing=self._smoothing
        )

    def scores(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1 for each sample put into the right class, else 0, [n]."""
        return (outputs.argmax(1) == targets).float()

    def tally(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return [n, sum of losses, right within top k, confusion of K x K...], float64."""
        targets = targets.long()
        cells = targets * self.num_outputs + outputs.argmax(1)
        confusion = torch.bincount(cells, minlength=self.num_outputs**2).double()
        loss = self.losses(outputs, targets).double().sum()
        sums = torch.stack([loss.new_tensor(len(targets)), loss, self._num_near(outputs, targets)])
        return torch.cat([sums, confusion])

    def metrics(self, tally: Tensor) -> dict[str, float]:
        """Return loss, accuracy, the mean F1 of the classes, and top-k where K > k."""
        num_samples, loss, num_near = tally[:3].tolist()
        right = float(self._confusion(tally).diagonal().sum())
        figures = {"loss": loss / num_samples, "accuracy": right / num_samples}
        if self._top_k:
            figures[f"top{self._top_k}"] = num_near / num_samples
        seen = [row["f1"] for row in self._per_class(tally) if row["num_samples"]]
        return figures | {"macro_f1": sum(seen) / len(seen)}

    def details(self, tally: Tensor) -> dict[str, Any]:
        """Return the confusion matrix (row: actual, column: predicted) and each class's scores."""
        return {
            "classes": list(self.classes),
            "confusion": self._confusion(tally).long().tolist(),
            "per_class": self._per_class(tally),
        }

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

    def _confusion(self, tally: Tensor) -> Tensor:
        return tally[3:].reshape(self.num_outputs, self.num_outputs)

    def _per_class(self, tally: Tensor) -> list[dict[str, Any]]:
        confusion = self._confusion(tally)
        right, actual, predicted = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
        columns = {
            # Where nothing was predicted or present, right is 0 as well, and 0 / 1 is the score.
            "precision": right / predicted.clamp_min(1),
            "recall": right / actual.clamp_min(1),
            "f1": 2 * right / (actual + predicted).clamp_min(1),
            "num_samples": actual.long(),
        }
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        return [
            {"class": name, **dict(zip(columns, row, strict=True))}
            for name, row in zip(self.classes, rows, strict=True)
        ]


def _described(data: Manifest) -> str:
    if data.y.kind == "class":
        return f"of the single class {', '.join(data.y.classes) or '(none)'}"
    return f"numbers ({', '.join(data.y.names) or 'unnamed'}); use task: {{kind: regress}}"


def _class_weights(data: Manifest) -> Tensor:
    """Weights whose mean over the training samples is 1."""
    counts = data.splits["train"].class_counts if "train" in data.splits else ()
    if not counts or 0 in counts:
        raise ValueError(
            f"balanced needs samples of every class in the training split, but {data.name!r} has "
            f"{dict(zip(data.y.classes, counts, strict=False)) or 'no counts of its classes'}"
        )
    return torch.tensor([sum(counts) / (len(counts) * count) for count in counts])
