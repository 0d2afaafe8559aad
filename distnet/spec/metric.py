"""A metric: a named figure with a format and a direction.

Every task declares its metrics, the headline metric first; the declaration travels in the record of
an attempt to `ps`, the page, the history, the progress line and the report, so none of them knows
what a task measures.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

Format = Literal["percent", "number"]
Direction = Literal["higher", "lower"]

ABBREVIATIONS = {
    "bleu": "BLEU",
    "f1": "F1",
    "iou": "IoU",
    "mae": "MAE",
    "map": "mAP",
    "map50": "mAP@50",
    "wer": "WER",
}
"""Words within names of metrics, as the field writes them."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a figure is called, how it is written, and which way is better."""

    name: str
    format: Format = "number"
    """`percent`: a fraction of 1, written as 95.88%. `number`: four significant digits or more."""
    direction: Direction = "lower"
    """Whether higher or lower is better."""

    @property
    def title(self) -> str:
        """The name as a title: `macro_f1` as `Macro F1`."""
        first, *others = self.name.split("_")
        known = [ABBREVIATIONS.get(word, word) for word in others]
        return " ".join([ABBREVIATIONS.get(first, first[:1].upper() + first[1:]), *known])

    def text(self, value: float | None) -> str:
        """Write a value as it is shown: `95.88%`, `0.1234`; a dash where there is none."""
        if value is None:
            return "-"
        if not math.isfinite(value):
            return str(value)
        if self.format == "percent":
            return f"{value:.2%}"
        return f"{value:,.0f}" if 1000 <= abs(value) < 1e15 else f"{value:.4g}"

    def is_better(self, value: float, than: float) -> bool:
        """Whether a value beats another; NaN never does, and anything beats NaN."""
        if math.isnan(value) or math.isnan(than):
            return math.isnan(than) and not math.isnan(value)
        return value > than if self.direction == "higher" else value < than

    def to_dict(self) -> dict[str, Any]:
        """The metric as it stands in records: name, format, direction."""
        return asdict(self)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Read a metric from a record; formats and directions of a newer version become defaults.

        Raises:
            KeyError: it has no name.
        """
        return cls(
            str(facts["name"]),
            "percent" if facts.get("format") == "percent" else "number",
            "higher" if facts.get("direction") == "higher" else "lower",
        )


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a simple rule reaches, beside which the headline metric of a network stands."""

    name: str
    """The rule: `majority class`."""
    metrics: Mapping[str, float]
    """By the names of the task's metrics."""

    def text(self, metric: Metric) -> str:
        """Write the rule and what it reaches: `majority class: 11.35%`."""
        return f"{self.name}: {metric.text(self.metrics.get(metric.name))}"

    def to_dict(self) -> dict[str, Any]:
        """The baseline as it stands in a plan."""
        return {"name": self.name, "metrics": dict(self.metrics)}


LOSS = Metric("loss")


def order(value: float | None, metric: Metric | None) -> float:
    """A number that is lower for better values; NaN and no value come last."""
    if value is None or metric is None or math.isnan(value):
        return math.inf
    return -value if metric.direction == "higher" else value


def find_metric(declared: Sequence[Metric], name: str | None) -> Metric:
    """The metric of that name among those of a task and the loss; without a name the headline.

    Raises:
        KeyError: there is none.
    """
    known = (*declared, LOSS)
    if name is None:
        return known[0]
    return {metric.name: metric for metric in reversed(known)}[name]
