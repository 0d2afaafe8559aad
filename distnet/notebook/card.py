"""A run in a few lines of HTML, for a notebook: state, headline metric, time, a small curve."""

import math
from collections.abc import Sequence

from distnet.report import text
from distnet.report.measured import Measured
from distnet.report.run import Run
from distnet.report.summary import Summary, summarise
from distnet.report.templates.render import render
from distnet.spec.metric import LOSS

CURVE_WIDTH, CURVE_HEIGHT = 220, 56
"""Pixels."""
CURVE_POINTS = 110
REMEDY = {
    "stopped": "Stopped on request; a checkpoint was saved.",
    "interrupted": "Interrupted: no end is recorded; what was saved is kept.",
    "failed": "",
}


def run_card(run: Run) -> str:
    """Write a run as an HTML element; every name in it is escaped."""
    summary = summarise(run)
    name, values = _curve(run)
    return render(
        "card.html",
        summary=summary,
        headline=summary.headline,
        facts=_facts(summary),
        curve=curve(values),
        curve_name=name,
        remedy=REMEDY.get(summary.status),
        resume=how_to_resume(summary.folder),
    )


def how_to_resume(folder: object) -> str:
    """Write the call that resumes a run."""
    return f"distnet.resume({str(folder)!r})"


def curve(values: Sequence[float]) -> str:
    """Make the points of an SVG polyline, of the means of the values over equal parts of them."""
    means = text.part_means(values, CURVE_POINTS)
    if len(means) < 2:
        return ""
    low, high = min(means), max(means)
    down = (CURVE_HEIGHT - 4) / (high - low) if high > low else 0.0
    across = (CURVE_WIDTH - 4) / (len(means) - 1)
    return " ".join(
        f"{2 + i * across:.1f},{2 + (high - y) * down:.1f}" for i, y in enumerate(means)
    )


def _curve(run: Run) -> tuple[str, list[float]]:
    """The headline metric of the evaluations, or the training loss where there are too few."""
    metric = run.headline
    if metric is not None:
        evaluations = run.history.evaluations(run.split)
        values = [found[metric.name] for _, found in evaluations if metric.name in found]
        if sum(map(math.isfinite, values)) > 2:
            return Measured(run.split, metric, values[-1]).name, values
    return f"train {LOSS.name}", [step.loss for step in run.history.steps]


def _facts(summary: Summary) -> list[tuple[str, str]]:
    return [
        ("epochs", text.progress(summary.epochs, summary.epochs_planned)),
        ("steps", text.progress(summary.steps, summary.steps_planned)),
        ("training time", text.duration(summary.seconds)),
        ("workers", text.number(summary.workers)),
        ("samples/s", text.rate(summary.samples_per_second)),
    ]
