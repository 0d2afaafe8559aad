"""Figures of single things: the worst mistakes, and the weights of the first layer."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from distnet.report.evaluation import Evaluation, Mistake, Outcome
from distnet.report.style import GRID, MUTED, SERIES, WIDTH, new_axes, number_axis, styled
from distnet.report.text import number, shorten

Array = NDArray[Any]
NUM_MISTAKES = 20
NUM_FILTERS = 64
COLUMNS = 4
GAP, CAPTION = 0.08, 0.56
"""Between pictures, and for the lines above one; in widths of a picture."""
DIVERGING = LinearSegmentedColormap.from_list("weights", ["#1b5fa8", "#ffffff", "#c8501e"])


@styled()
def draw_mistakes(evaluation: Evaluation, worst: Array) -> Figure:
    """Draw the samples with the largest loss; `worst` is uint8 [k, C, H, W]."""
    pairs = list(zip(evaluation.worst, worst, strict=False))[:NUM_MISTAKES]
    tall = worst.shape[2] / worst.shape[3]
    rows = -(-len(pairs) // COLUMNS)
    pitch = tall + CAPTION
    height = 0.5 + rows * pitch * (WIDTH - 0.2) / (COLUMNS + GAP * (COLUMNS - 1))
    is_short = all(len(_outcome(said)) <= 4 for m, _ in pairs for said in (m.actual, m.predicted))
    title = "Worst mistakes" if is_short else "Worst mistakes: actual, as predicted"
    figure, axes = new_axes(title, height=height)
    for index, (mistake, picture) in enumerate(pairs):
        left, top = index % COLUMNS * (1 + GAP), index // COLUMNS * pitch + CAPTION - GAP
        _show(axes, picture, (left, left + 1, top + tall, top))
        axes.text(
            left + 0.5,
            top - 0.03,
            _caption(mistake, is_short),
            fontsize=9,
            ha="center",
            va="bottom",
        )
    axes.set_axis_off()
    axes.set(xlim=(0, COLUMNS + GAP * (COLUMNS - 1)), ylim=(rows * pitch - GAP, 0))
    return figure


@styled()
def draw_first_layer(weights: Array) -> Figure:
    """Draw the weights into each neuron or filter of the first layer, float32 [n, C, H, W].

    Blue is negative, white is 0, orange is positive, on one scale for all. The channels of a
    filter stand side by side.
    """
    shown = weights[:NUM_FILTERS]
    few = "" if len(shown) == len(weights) else f", {len(shown)} of {len(weights):,}"
    panels = np.concatenate(list(np.moveaxis(shown, 1, 0)), axis=-1)
    mosaic = _mosaic(panels, columns=4 if len(panels) <= 16 else 8)
    height = 0.6 + min(7.0, (WIDTH - 1.2) * mosaic.shape[0] / mosaic.shape[1])
    figure, axes = new_axes(f"First-layer weights{few}", height=height)
    limit = float(np.nanmax(np.abs(shown), initial=0)) or 1.0
    image = axes.imshow(mosaic, cmap=DIVERGING.with_extremes(bad=GRID), vmin=-limit, vmax=limit)
    axes.set_axis_off()
    bar = figure.colorbar(image, ax=axes, shrink=0.8, aspect=30, pad=0.02)
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


def _mosaic(panels: Array, *, columns: int) -> Array:
    """Lay panels [n, H, W] out in rows, with lines of NaN between them."""
    columns = min(columns, len(panels))
    line = max(1, round(panels.shape[2] / 20))
    missing = -len(panels) % columns
    framed = np.pad(
        panels, ((0, missing), (0, line), (0, line)), constant_values=np.float32(np.nan)
    )
    tiles = framed.reshape(-1, columns, *framed.shape[1:])
    rows = tiles.transpose(0, 2, 1, 3).reshape(-1, columns * framed.shape[2])
    return np.pad(rows, ((line, 0), (line, 0)), constant_values=np.float32(np.nan))


def _show(axes: Axes, picture: Array, extent: tuple[float, float, float, float]) -> None:
    pixels = np.moveaxis(picture, 0, -1) if picture.shape[0] == 3 else picture[0]
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, extent=extent)


def _caption(mistake: Mistake, is_short: bool) -> str:
    actual, predicted = _outcome(mistake.actual), _outcome(mistake.predicted)
    # Above a picture there is room for about 15 letters.
    words = ("actual ", "predicted ") if is_short else ("", "as ")
    lines = [words[0] + shorten(actual, 14), words[1] + shorten(predicted, 11)]
    if mistake.probability is not None:
        lines.append(f"at {mistake.probability:.1%}")
    return "\n".join(lines)


def _outcome(outcome: Outcome) -> str:
    if isinstance(outcome, str):
        return outcome
    return ", ".join(number(value) for value in _numbers(outcome))


def _numbers(outcome: Outcome) -> list[float]:
    match outcome:
        case dict():
            return list(outcome.values())
        case list():
            return outcome
    return [float(outcome)]
