"""All plots and listings of a run that there are values for."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from distnet.report.curves import (
    draw_gradient_norm,
    draw_learning_rate,
    draw_logged,
    draw_metric,
    draw_throughput,
)
from distnet.report.parts import Arrays, Listing, Part, Plot, draw_figures
from distnet.report.run import Run
from distnet.run_folder.records.history import History
from distnet.spec.metric import LOSS, Metric

P = TypeVar("P", Plot, Listing, Part)
LONGEST = 100
"""Characters of the name of a figure's file."""


@dataclass(frozen=True)
class Drawn:
    """Everything that a report shows of a run beside plain facts."""

    learning: tuple[Plot, ...]
    """Curves over the steps of training."""
    evaluation: tuple[Plot, ...]
    """The figures of the last evaluation."""
    listings: tuple[Listing, ...]
    """Its tables and texts."""


def draw_run(run: Run, arrays: Arrays) -> Drawn:
    """Draw the curves of training and the figures of the last evaluation."""
    parts = draw_figures(run.evaluation.figures if run.evaluation else (), arrays)
    return Drawn(
        learning=tuple(_curves(run)),
        evaluation=tuple(part for part in parts if isinstance(part, Plot)),
        listings=tuple(part for part in parts if isinstance(part, Listing)),
    )


def by_name(parts: Iterable[P]) -> dict[str, P]:
    """Name plots and listings by their titles; a title that occurs again gets a number."""
    named: dict[str, P] = {}
    for part in parts:
        stem = name_of(part.title)
        name, count = stem, 1
        while name in named:
            count += 1
            name = f"{stem}-{count}"
        named[name] = part
    return named


def name_of(title: str) -> str:
    """Write a title as the name of a file: `Confusion matrix` as `confusion-matrix`."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())[:LONGEST].strip("-") or "figure"


def _curves(run: Run) -> Iterator[Plot]:
    history = run.history
    for metric in (LOSS, *run.metrics):
        if _is_curve(run, metric):
            title = metric.title
            yield Plot(title, f"{title} over the steps", draw_metric(history, metric))
    yield from _speeds(history)
    for name in dict.fromkeys(name for one in history.logged for name in one.logged):
        yield Plot(name, f"{name}, as a callback logged it", draw_logged(history, name))


def _is_curve(run: Run, metric: Metric) -> bool:
    """Whether a metric has points to draw; one evaluation alone is not a curve."""
    is_trained = any(metric.name in step.metrics for step in run.history.steps)
    evaluations = run.history.evaluations(run.split)
    return is_trained or sum(metric.name in metrics for _, metrics in evaluations) > 1


def _speeds(history: History) -> Iterator[Plot]:
    if np.isfinite([epoch.samples_per_second for epoch in history.epochs]).any():
        yield Plot("Throughput", "Samples/s of each epoch", draw_throughput(history))
    if np.isfinite([step.learning_rate for step in history.steps]).any():
        yield Plot("Learning rate", "Learning rate over the steps", draw_learning_rate(history))
    if np.isfinite([step.gradient_norm for step in history.steps]).any():
        alt = "Norm of the gradient over the steps"
        yield Plot("Gradient norm", alt, draw_gradient_norm(history))
