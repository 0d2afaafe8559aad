"""Figures of single things: the worst mistakes, and the weights of the first layer."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distnet.report.evaluation import Evaluation, Mistake, Outcome
from distnet.report.style import GRID, MUTED, SERIES, WIDTH, new_axes, number_axis, styled
from distnet.report.text import score, shorten

Array = NDArray[Any]
NUM_MISTAKES = 20
NUM_FILTERS = 64
DIVERGING = LinearSegmentedColormap.from_list("weights", ["#1b5fa8", "#ffffff", "#c8501e"])


@styled()
def draw_mistakes(evaluation: Evaluation, worst: Array) -> Figure:
    """Draw the samples with the largest loss; `worst` is uint8 [k, C, H, W]."""
    pairs = list(zip(evaluation.worst, worst, strict=False))[:NUM_MISTAKES]
    columns = min(4, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, grid = _grid(rows, columns, height=0.5 + 1.75 * rows)
    figure.suptitle("Worst mistakes", x=0.01, ha="left", fontsize=12, fontweight="bold")
    for axes, (mistake, picture) in zip(grid, pairs, strict=False):
        _frame(axes)
        _show(axes, picture)
        axes.set_title(_caption(mistake), fontsize=9.5, pad=4, loc="center", fontweight="normal")
    return figure


@styled()
def draw_first_layer(weights: Array) -> Figure:
    """Draw the weights into each neuron or filter of the first layer, float32 [n, C, H, W].

    Blue is negative, white is 0, orange is positive, on one scale for all. The channels of a
    filter stand side by side.
    """
    shown = weights[:NUM_FILTERS]
    panels = np.concatenate(list(np.moveaxis(shown, 1, 0)), axis=-1)
    columns = min(len(panels), 4 if len(panels) <= 16 else 8)
    rows = -(-len(panels) // columns)
    cell = (WIDTH - 1.2) / columns * panels.shape[1] / panels.shape[2]
    figure, grid = _grid(rows, columns, height=0.6 + (min(1.3, cell) + 0.06) * rows)
    few = "" if len(shown) == len(weights) else f" (first {len(shown)} of {len(weights):,})"
    figure.suptitle(f"First-layer weights{few}", x=0.01, ha="left", fontsize=12, fontweight="bold")
    limit = float(np.nanmax(np.abs(shown), initial=0)) or 1.0
    for axes, panel in zip(grid, panels, strict=False):
        _frame(axes)
        image = axes.imshow(panel, cmap=DIVERGING, vmin=-limit, vmax=limit)
    bar = figure.colorbar(image, ax=grid, shrink=0.8, aspect=30, pad=0.02)
    bar.set_label("weight")
    bar.outline.set_visible(False)
    return figure


@styled()
def draw_worst_numbers(evaluation: Evaluation) -> Figure:
    """Draw predicted against actual numbers of the samples with the largest loss."""
    figure, axes = new_axes("Worst predictions", height=4.6)
    actual = np.array([_numbers(mistake.actual) for mistake in evaluation.worst])
    predicted = np.array([_numbers(mistake.predicted) for mistake in evaluation.worst])
    ends = [min(actual.min(), predicted.min()), max(actual.max(), predicted.max())]
    axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="perfect")
    for output in range(actual.shape[1]):
        x, y = actual[:, output], predicted[:, output]
        colour = SERIES[output % len(SERIES)]
        axes.vlines(x, x, y, color=colour, alpha=0.35, linewidth=1.2)
        label = f"output {output}" if actual.shape[1] > 1 else "sample"
        axes.plot(x, y, "o", color=colour, markersize=6, label=label)
    axes.set_xlabel("actual")
    axes.set_ylabel("predicted")
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    axes.legend(ncols=1 if actual.shape[1] <= 4 else 3)
    return figure


def _grid(rows: int, columns: int, *, height: float) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(WIDTH, height))
    grid = [figure.add_subplot(rows, columns, i + 1) for i in range(rows * columns)]
    for axes in grid:
        axes.set_axis_off()
    return figure, grid


def _frame(axes: Axes) -> None:
    """Show where a picture ends, on white as on black."""
    axes.set_axis_on()
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)


def _show(axes: Axes, picture: Array) -> None:
    if picture.shape[0] == 3:
        axes.imshow(np.moveaxis(picture, 0, -1))
    else:
        axes.imshow(picture[0], cmap="gray", vmin=0, vmax=255)


def _caption(mistake: Mistake) -> str:
    lines = [f"actual {_outcome(mistake.actual)}", f"predicted {_outcome(mistake.predicted)}"]
    if mistake.probability is not None:
        lines.append(f"at {mistake.probability:.1%}")
    return "\n".join(lines)


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, str):
        return shorten(outcome, 10)
    return shorten(", ".join(score(value) for value in _numbers(outcome)), 12)


def _numbers(outcome: Outcome) -> list[float]:
    match outcome:
        case dict():
            return list(outcome.values())
        case list():
            return outcome
    return [float(outcome)]
