"""Points that no line connects, such as predicted against actual numbers."""

from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from distnet.report.colours import CLASSES, SERIES
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import MUTED, legend_label, new_axes, number_axis, styled
from distnet.report.text import shorten
from distnet.run_folder.figures import Scatter, Series

MANY = 60
"""Points from which on they are drawn small, and their distances would hide them."""


def draw(figure: Scatter, _: Arrays) -> Iterator[Part]:
    """Draw all series in one plot."""
    alt = f"{figure.y_label} against {figure.x_label}"
    yield Plot(figure.title, alt, draw_scatter(figure))


@styled()
def draw_scatter(figure: Scatter) -> Canvas:
    """Draw each series in its colour; with a diagonal and few points, also their distances."""
    canvas, axes = new_axes(figure.title, height=4.6)
    if figure.has_diagonal:
        _draw_diagonal(axes, figure.series)
    palette = SERIES if len(figure.series) <= len(SERIES) else CLASSES
    is_many = sum(len(points.x) for points in figure.series) > MANY
    for index, points in enumerate(figure.series):
        colour = palette[index % len(palette)]
        if figure.has_diagonal and not is_many:
            axes.vlines(points.x, points.x, points.y, color=colour, alpha=0.35, linewidth=1.2)
        label = legend_label(shorten(points.name, 28))
        look = {"markersize": 3.5, "alpha": 0.55} if is_many else {"markersize": 6}
        axes.plot(points.x, points.y, "o", color=colour, label=label, **look)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    if figure.is_log:
        axes.set_xscale("log")
    number_axis(axes.xaxis)
    number_axis(axes.yaxis, form=figure.y_format)
    if figure.has_diagonal or len(figure.series) > 1:
        # The best place among many points would take long to find.
        where = "upper left" if figure.has_diagonal else "best"
        axes.legend(loc=where, ncols=1 if len(figure.series) <= 4 else 3)
    return canvas


def _draw_diagonal(axes: Axes, series: tuple[Series, ...]) -> None:
    values = np.array([value for points in series for value in (*points.x, *points.y)], dtype=float)
    values = values[np.isfinite(values)]
    if values.size:
        ends = [values.min(), values.max()]
        axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="equal")
