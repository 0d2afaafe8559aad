"""Figures of a classification: the confusion matrix and the scores of each class."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distnet.report.evaluation import ClassScore, Evaluation
from distnet.report.style import BLUE, GREEN, GRID, ORANGE, WIDTH, new_axes, styled
from distnet.report.text import shorten

NUM_COUNTED = 16
"""Up to so many classes, each cell of the confusion matrix holds its count."""
NUM_LABELLED = 40
"""Up to so many classes, each has its label; beyond, every few."""
NUM_SCORED = 30
HIGHEST_START = 0.9
"""The axis of scores begins here at the latest, so that perfect ones do not fill it with dust."""
SCALE = LinearSegmentedColormap.from_list("distnet", ["#f4f7fa", "#7fb3dc", "#2a7fc1", "#0b3d66"])


@styled()
def draw_confusion(evaluation: Evaluation) -> Figure:
    """Draw how many samples of each class (row) were taken for which (column).

    The colour is the part of the row. Its scale is a square root: mistakes are rare, and what
    matters is which are less rare.
    """
    counts = np.array(evaluation.confusion, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 4.6 if len(counts) <= NUM_LABELLED else 6.0
    figure, axes = new_axes("Confusion matrix", width=max(WIDTH, side + 0.4), height=side)
    image = axes.imshow(shares, cmap=SCALE, norm=PowerNorm(0.5, vmin=0, vmax=1))
    axes.set_xlabel("predicted class")
    axes.set_ylabel("actual class")
    axes.grid(visible=False)
    _label(axes, evaluation.classes)
    if len(counts) <= NUM_COUNTED:
        _write_counts(axes, counts, shares)
    bar = figure.colorbar(image, ax=axes, shrink=0.82, ticks=[0, 0.01, 0.1, 0.25, 0.5, 1])
    bar.ax.set_yticklabels(["0", "1 %", "10 %", "25 %", "50 %", "100 %"])
    bar.set_label("part of the actual class")
    bar.outline.set_visible(False)
    return figure


@styled()
def draw_class_scores(evaluation: Evaluation) -> Figure:
    """Draw precision, recall and F1 of each class, the weakest at the top.

    A bar spans precision to recall. It need not begin at 0, so small differences can be seen.
    """
    weakest = sorted(evaluation.per_class, key=lambda one: one.f1)[:NUM_SCORED]
    title = "Scores by class"
    if len(weakest) < len(evaluation.per_class):
        title = f"Weakest {len(weakest)} of {len(evaluation.per_class)} classes"
    figure, axes = new_axes(title, height=1.5 + 0.27 * max(len(weakest), 4))
    rows = np.arange(len(weakest))
    precision, recall, f1 = _columns(weakest)
    axes.barh(
        rows,
        np.abs(recall - precision),
        left=np.minimum(precision, recall),
        height=0.34,
        color=GRID,
    )
    axes.plot(precision, rows, "<", color=GREEN, markersize=7, label="precision")
    axes.plot(recall, rows, ">", color=ORANGE, markersize=7, label="recall")
    axes.plot(f1, rows, "o", color=BLUE, markersize=7, label="F1")
    low = min(precision.min(), recall.min(), HIGHEST_START)
    axes.set_xlim(max(0.0, low - 0.1 * (1 - low) - 0.005), 1.002)
    axes.set_yticks(rows, [shorten(one.name, 18) for one in weakest])
    axes.set_ylim(len(weakest) - 0.4, -0.6)
    axes.set_xlabel("precision, recall, F1 (1 is perfect)")
    axes.set_ylabel("class")
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.1)
    axes.set_title(title, pad=28)
    return figure


def _label(axes: Axes, classes: tuple[str, ...]) -> None:
    every = max(1, -(-len(classes) // NUM_LABELLED))
    at = range(0, len(classes), every)
    names = [shorten(classes[i], 12) for i in at]
    small = 10 if len(names) <= NUM_COUNTED else 6.5
    upright = max(map(len, names)) <= 2 and len(names) <= NUM_COUNTED
    axes.set_xticks(at, names, rotation=0 if upright else 90, fontsize=small)
    axes.set_yticks(at, names, fontsize=small)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _write_counts(axes: Axes, counts: NDArray[Any], shares: NDArray[Any]) -> None:
    room = 220 / len(counts)  # points in a cell
    for row, column in np.ndindex(*counts.shape):
        dark = shares[row, column] > 0.2
        text = _short(int(counts[row, column]))
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=min(9.5, room / (0.55 * len(text))),
            color="#ffffff" if dark else "#33404d" if counts[row, column] else "#a9b4bf",
        )


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}" if count else "·"
    return f"{count / 1e3:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"


def _columns(scores: list[ClassScore]) -> NDArray[Any]:
    columns = [[s.precision, s.recall, s.f1] for s in scores]
    filled: NDArray[Any] = np.nan_to_num(np.array(columns, dtype=float))
    return filled.T
