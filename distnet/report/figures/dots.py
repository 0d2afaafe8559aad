"""A few numbers of each row as dots on one common axis."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from distnet.report.colours import SERIES
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import GRID, legend_label, new_axes, number_axis, styled
from distnet.report.text import shorten
from distnet.run_folder.figures import Dots

NUM_ROWS = 30
MARKERS = "<>osD^"
LEAST_SPAN = 0.1
"""The part of 1 that an axis of percents spans at least, so that noise does not fill it."""


def draw(figure: Dots, _: Arrays) -> Iterator[Part]:
    """Draw the rows below each other, the first at the top."""
    if figure.rows and figure.series:
        yield Plot(figure.title, f"{figure.title}: {', '.join(figure.series)}", draw_dots(figure))


@styled()
def draw_dots(figure: Dots) -> Canvas:
    """Draw one row a line; a bar spans the numbers of the row.

    The axis need not begin at 0, so that small differences are visible.
    """
    names = [shorten(name, 18) for name in figure.rows[:NUM_ROWS]]
    is_cut = len(names) < len(figure.rows)
    title = (
        f"{figure.title} (first {len(names)} of {len(figure.rows):,})" if is_cut else figure.title
    )
    canvas, axes = new_axes(title, height=1.5 + 0.27 * max(len(names), 4))
    values = np.array([line[: len(names)] for line in figure.series.values()], dtype=float)
    rows = np.arange(len(names))
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    axes.barh(rows, np.nan_to_num(high - low), left=np.nan_to_num(low), height=0.34, color=GRID)
    for index, (name, line) in enumerate(zip(figure.series, values, strict=True)):
        marker, colour = MARKERS[index % len(MARKERS)], SERIES[index % len(SERIES)]
        label = legend_label(name)
        # Not clipped: markers at 0 or 100 % would be half hidden by the edge of the axes.
        axes.plot(line, rows, marker, color=colour, markersize=7, label=label, clip_on=False)
    axes.set_yticks(rows, names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_xlabel(", ".join(figure.series))
    axes.set_ylabel(figure.row_label)
    if figure.format == "percent":
        _limit_percents(axes, values)
    number_axis(axes.xaxis, form=figure.format)
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, borderaxespad=0.1)
    axes.set_title(axes.get_title(loc="left"), pad=28)
    return canvas


def _limit_percents(axes: Axes, values: NDArray[Any]) -> None:
    low = min(float(np.nanmin(values, initial=1.0)), 1.0 - LEAST_SPAN)
    axes.set_xlim(max(0.0, low - 0.1 * (1 - low) - 0.005), 1.002)
