"""A confusion matrix, and the pairs of classes that are most often confused."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from distnet.report.parts import Arrays, Listing, Part, Plot
from distnet.report.style import WIDTH, new_axes, styled
from distnet.report.text import number, shorten
from distnet.run_folder.figures import Confusion

NUM_COUNTED = 16
"""With at most this many classes, each cell shows its count."""
NUM_LABELLED = 40
"""With at most this many classes, each has its label."""
NUM_PAIRS = 8
SCALE = LinearSegmentedColormap.from_list("distnet", ["#f4f7fa", "#7fb3dc", "#2a7fc1", "#0b3d66"])
ALT = "How many samples of each class were predicted as which class"


def draw(figure: Confusion, _: Arrays) -> Iterator[Part]:
    """Draw the matrix, and list the pairs that are most often confused."""
    if not figure.classes:
        return
    yield Plot(figure.title, ALT, draw_matrix(figure))
    pairs = _confused(figure)[:NUM_PAIRS]
    if pairs:
        rows = tuple((actual, predicted, number(count)) for actual, predicted, count in pairs)
        heads = ("actual", "predicted", "samples")
        yield Listing("Most often confused", heads, rows, frozenset({2}))


@styled()
def draw_matrix(figure: Confusion) -> Canvas:
    """Draw how many samples of each class (row) were predicted as which class (column).

    The colour is the share of the row. Its scale is a square root, because mistakes are rare and
    the reader compares the rare ones.
    """
    counts = np.array(figure.counts, dtype=float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 4.6 if len(counts) <= NUM_LABELLED else 6.0
    canvas, axes = new_axes(figure.title, width=max(WIDTH, side + 0.4), height=side)
    image = axes.imshow(shares, cmap=SCALE, norm=PowerNorm(0.5, vmin=0, vmax=1))
    axes.set_xlabel("predicted class")
    axes.set_ylabel("actual class")
    axes.grid(visible=False)
    _label(axes, figure.classes)
    if len(counts) <= NUM_COUNTED:
        _write_counts(axes, counts, shares)
    bar = canvas.colorbar(image, ax=axes, shrink=0.82, ticks=[0, 0.01, 0.1, 0.25, 0.5, 1])
    bar.ax.set_yticklabels(["0%", "1%", "10%", "25%", "50%", "100%"])
    bar.set_label("share of the actual class")
    bar.outline.set_visible(False)
    return canvas


def _confused(figure: Confusion) -> list[tuple[str, str, int]]:
    """List (actual, predicted, samples) of each pair of unlike classes, most samples first."""
    pairs = [
        (figure.classes[actual], figure.classes[predicted], count)
        for actual, row in enumerate(figure.counts)
        for predicted, count in enumerate(row)
        if actual != predicted and count
    ]
    return sorted(pairs, key=lambda pair: -pair[2])


def _label(axes: Axes, classes: tuple[str, ...]) -> None:
    every = max(1, -(-len(classes) // NUM_LABELLED))
    at = range(0, len(classes), every)
    names = [shorten(classes[i], 12) for i in at]
    size = 10 if len(names) <= NUM_COUNTED else 6.5
    is_upright = max(map(len, names), default=0) <= 2 and len(names) <= NUM_COUNTED
    axes.set_xticks(at, names, rotation=0 if is_upright else 90, fontsize=size)
    axes.set_yticks(at, names, fontsize=size)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _write_counts(axes: Axes, counts: NDArray[Any], shares: NDArray[Any]) -> None:
    cell_points = 220 / len(counts)
    for row, column in np.ndindex(*counts.shape):
        is_dark = shares[row, column] > 0.2
        text = _short(int(counts[row, column]))
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=min(9.5, cell_points / (0.55 * len(text))),
            color="#ffffff" if is_dark else "#33404d" if counts[row, column] else "#a9b4bf",
        )


def _short(count: int) -> str:
    if count < 10_000:
        return f"{count:,}" if count else "·"
    return f"{count / 1e3:.0f}k" if count < 1_000_000 else f"{count / 1e6:.1f}M"
