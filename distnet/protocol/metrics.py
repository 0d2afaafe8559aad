"""The metrics of a run's last evaluation, as agent, server and client exchange them."""

import re
from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field

from distnet.protocol.message import Message
from distnet.protocol.numbers import LARGEST, Amount, Count, Measured
from distnet.spec.metric import Direction, Format, Metric

METRIC_NAME = r"^[A-Za-z_][A-Za-z0-9_@.-]{0,63}$"
MAX_METRICS = 32

MetricName = Annotated[str, Field(pattern=METRIC_NAME)]
SplitName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$")]
"""As datasets name their splits; each is a folder."""
Metrics = Annotated[dict[MetricName, Measured], Field(max_length=MAX_METRICS)]
"""The value of each metric, by name."""


class Compared(Message):
    """The headline metric by which a job is compared with others, to choose one of them.

    It is the one on the split that is measured while it trains, also of a job that is measured on
    another split at its end: that one would look too good if anything was chosen by it.
    """

    split: SplitName
    value: Measured


class AtRung(Message):
    """What a trial of a sweep is compared by at a rung: its headline metric, as in `Compared`."""

    epoch: Count
    """After which it was measured."""
    num_epochs: Amount
    """Of the whole training."""
    value: Measured | None
    """Null: not a number."""

    @property
    def text(self) -> str:
        """Where that is: `epoch 3 of 27`."""
        return f"epoch {self.epoch:,} of {self.num_epochs:g}"


class Headline(Message):
    """The metric that stands for a run's result: the first one that its task declares."""

    name: MetricName
    format: Format = "number"
    direction: Direction = "lower"

    @classmethod
    def of(cls, metric: Metric) -> Self | None:
        """Convert a task's metric; None if its name is not one that the server accepts."""
        if not re.fullmatch(METRIC_NAME, metric.name):
            return None
        return cls(name=metric.name, format=metric.format, direction=metric.direction)


def reportable(values: Mapping[str, object], first: str | None = None) -> dict[str, float]:
    """Select the metrics that the server accepts: numbers up to 1e150, valid names, at most 32.

    Args:
        values: what an evaluation measured.
        first: the metric to keep in any case; the others follow in their order.
    """
    found: dict[str, float] = {}
    for name in sorted(values, key=lambda name: name != first):
        number = finite(values[name])
        if number is not None and re.fullmatch(METRIC_NAME, name) and len(found) < MAX_METRICS:
            found[name] = number
    return found


def finite(value: object) -> float | None:
    """Return a number that the server accepts as it is, and None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LARGEST else None
