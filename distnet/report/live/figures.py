"""Loss and metrics of a run that trains, in a few words."""

from collections.abc import Mapping
from typing import Any

from distnet.report.text import score
from distnet.spec.metric import LOSS, Metric


class Figures:
    """Keeps the newest training loss and the newest evaluation among the records of a run."""

    def __init__(self) -> None:
        self._headline: Metric | None = None
        self._split = ""
        self._loss: float | None = None
        self._evaluation: Mapping[str, float] = {}

    def update(self, record: Mapping[str, Any]) -> None:
        """Take in one record of metrics.jsonl."""
        match record["kind"]:
            case "attempt":
                declared = record.get("metrics") or ()
                self._headline = Metric.from_dict(declared[0]) if declared else None
                self._split = record.get("split", "")
            case "step":
                self._loss = record["loss"]
            case "epoch":
                self._update_epoch(record)
            case "final":
                self._split, self._evaluation = record["split"], record["metrics"]

    def latest(self) -> str:
        """Write `train loss 0.1234  test accuracy 95.88%`; before an evaluation the loss."""
        loss = f"train loss {score(self._loss)}"
        value = self._evaluation.get(self._headline.name) if self._headline else None
        if self._headline is None or value is None:
            return loss
        return f"{loss}  {self._split} {self._headline.name} {self._headline.text(value)}"

    def epoch(self, record: Mapping[str, Any]) -> str:
        """Write `train loss 0.1234 accuracy 96.02%  test loss 0.1300 accuracy 95.88%`."""
        return "  ".join(f"{name} {self._of(values)}" for name, values in _splits(record).items())

    def final(self, record: Mapping[str, Any]) -> str:
        """Write `test loss 0.1300 accuracy 95.88%`."""
        return f"{record['split']} {self._of(record['metrics'])}"

    def _update_epoch(self, record: Mapping[str, Any]) -> None:
        splits = _splits(record)
        self._loss = splits.pop("train", {}).get(LOSS.name, self._loss)
        split = self._split if self._split in splits else next(iter(splits), None)
        if split is not None:
            self._split, self._evaluation = split, splits[split]

    def _of(self, values: Mapping[str, float]) -> str:
        parts = [f"loss {score(values[LOSS.name])}"] if LOSS.name in values else []
        if self._headline is not None and self._headline.name in values:
            parts.append(
                f"{self._headline.name} {self._headline.text(values[self._headline.name])}"
            )
        return " ".join(parts)


def _splits(record: Mapping[str, Any]) -> dict[str, Mapping[str, float]]:
    return {name: value for name, value in record.items() if isinstance(value, dict)}
