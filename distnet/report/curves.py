"""Plots over steps and epochs: loss, metrics, learning rate, throughput, gradient norm."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distnet.report.colours import BLUE, GREEN, ORANGE, SERIES
from distnet.report.style import INK, MUTED, new_axes, number_axis, styled
from distnet.report.text import number
from distnet.run_folder.records.history import History
from distnet.spec.metric import Format, Metric

Line = tuple[NDArray[Any], NDArray[Any]]
LARGE_FALL = 10
POINTS = 400
"""A line of more steps than this is drawn as its lowest and highest value per part."""


@styled()
def draw_metric(history: History, metric: Metric) -> Figure:
    """Draw a metric of the steps (faint, and smoothed), of the epochs and of the evaluations."""
    figure, axes = new_axes(metric.title)
    measured = [step for step in history.steps if metric.name in step.metrics]
    steps = finite([s.step for s in measured], [s.metrics[metric.name] for s in measured])
    draw_noisy(axes, steps, "train, steps", BLUE)
    _draw_epochs(axes, history, metric)
    if metric.direction == "lower":
        _widen(axes, steps)
    _finish(axes, history, f"{metric.name} ({metric.direction} is better)", metric.format)
    return figure


@styled()
def draw_learning_rate(history: History) -> Figure:
    """Draw the learning rate of each step."""
    figure, axes = new_axes("Learning rate")
    line = finite([s.step for s in history.steps], [s.learning_rate for s in history.steps])
    steps, rates = thin(line)
    axes.plot(steps, rates, color=GREEN)
    axes.set_ylim(0, max(rates, default=0) * 1.08 or 1)
    _finish(axes, history, "learning rate")
    return figure


@styled()
def draw_gradient_norm(history: History) -> Figure:
    """Draw the norm of the gradient of each step."""
    figure, axes = new_axes("Gradient norm")
    norms = [step.gradient_norm for step in history.steps]
    line = finite([s.step for s in history.steps], norms)
    draw_noisy(axes, line, "steps", BLUE)
    _widen(axes, line)
    _finish(axes, history, "norm of the gradient")
    return figure


@styled()
def draw_logged(history: History, name: str) -> Figure:
    """Draw what a callback has logged under a name."""
    figure, axes = new_axes(name)
    points = [(one.step, one.logged[name]) for one in history.logged if name in one.logged]
    draw_noisy(axes, finite(*zip(*points, strict=True)), name, BLUE)
    _finish(axes, history, name)
    return figure


@styled()
def draw_throughput(history: History) -> Figure:
    """Draw samples/s of each epoch, and their median without the first epoch."""
    figure, axes = new_axes("Throughput")
    epochs, rates = finite(
        [epoch.epoch for epoch in history.epochs],
        [epoch.samples_per_second for epoch in history.epochs],
    )
    axes.bar(epochs, rates, color=BLUE, alpha=0.75, width=0.7)
    middle = median(rates[1:] if len(rates) > 1 else rates)
    axes.axhline(middle, color=ORANGE, label=f"median {number(round(middle))} samples/s")
    axes.set_ylim(0, max(rates) * 1.22)
    axes.set_xlabel("epoch")
    axes.set_ylabel("samples/s")
    axes.grid(visible=False, axis="x")
    number_axis(axes.xaxis, integer=True)
    number_axis(axes.yaxis)
    axes.legend(loc="upper left", ncols=2)
    return figure


def draw_noisy(axes: Axes, line: Line, label: str, colour: str) -> None:
    """Draw a noisy line faintly, and its running mean over it."""
    if _half_window(line):
        axes.plot(*thin(line), color=colour, alpha=0.28, linewidth=0.8)
        axes.plot(*thin(smooth(line)), color=colour, label=f"{label} (smoothed)")
    elif line[0].size:
        axes.plot(*line, color=colour, label=label)


def finite(steps: Sequence[float], values: Sequence[float]) -> Line:
    """Keep the finite points: a failed run may end in NaN."""
    x, y = np.asarray(steps, dtype=float), np.asarray(values, dtype=float)
    keep = np.isfinite(y)
    return x[keep], y[keep]


def smooth(line: Line) -> Line:
    """Take the mean over a fiftieth of all points centred on each one, so that it does not lag."""
    x, y = line
    half = _half_window(line)
    if half == 0:
        return line
    sums = np.concatenate([[0.0], np.cumsum(y)])
    at = np.arange(y.size)
    low, high = np.maximum(at - half, 0), np.minimum(at + half + 1, y.size)
    return x, (sums[high] - sums[low]) / (high - low)


def thin(line: Line, points: int = POINTS) -> Line:
    """Reduce a long line to the lowest and highest value of each of `points` parts."""
    x, y = line
    if y.size <= 2 * points:
        return line
    starts = np.arange(points) * y.size // points
    ends = np.stack([np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)], axis=1)
    return np.repeat(x[starts], 2), ends.reshape(-1)


def _half_window(line: Line) -> int:
    return int(line[1].size // 100)


def _draw_epochs(axes: Axes, history: History, metric: Metric) -> None:
    ends = [epoch.step for epoch in history.epochs]
    # The mean of an epoch belongs to the middle of it, not to its end.
    middles = [(start + end) / 2 for start, end in zip([0, *ends], ends, strict=False)]
    means = [epoch.train.get(metric.name) for epoch in history.epochs]
    _draw_points(axes, middles, means, "train, mean of epoch", INK)
    splits = dict.fromkeys(split for epoch in history.epochs for split in epoch.evaluated)
    for split, colour in zip(splits, SERIES[1:], strict=False):
        values = [epoch.evaluated.get(split, {}).get(metric.name) for epoch in history.epochs]
        best = _best(values, metric)
        label = split if best is None else f"{split}, best {metric.text(best)}"
        _draw_points(axes, ends, values, label, colour)


def _best(values: Sequence[float | None], metric: Metric) -> float | None:
    best = None
    for value in values:
        if value is not None and (best is None or metric.is_better(value, best)):
            best = value
    return best


def _draw_points(
    axes: Axes, steps: Sequence[float], values: Sequence[float | None], label: str, colour: str
) -> None:
    x, y = finite(steps, [math.nan if value is None else value for value in values])
    if x.size:
        marker = "o" if x.size <= 40 else ""
        axes.plot(x, y, color=colour, marker=marker, markersize=4, label=label)


def _finish(axes: Axes, history: History, label: str, form: Format = "number") -> None:
    axes.set_xlabel("step")
    axes.set_ylabel(label)
    for index, step in enumerate(history.resumed_at):
        note = "resumed" if index == 0 else None
        axes.axvline(step, color=MUTED, linestyle=(0, (2, 3)), linewidth=1.2, label=note)
    number_axis(axes.xaxis, integer=True)
    number_axis(axes.yaxis, form=form)
    if axes.get_legend_handles_labels()[1]:
        axes.legend()


def _widen(axes: Axes, line: Line) -> None:
    """Use a log axis for a line that falls far, so that its low end can be read."""
    y = smooth(line)[1]
    if y.size and y.min() > 0 and y.max() / y.min() > LARGE_FALL:
        axes.set_yscale("log")
