"""Lines through points."""

from collections.abc import Iterator

from matplotlib.figure import Figure as Canvas

from distnet.report.colours import SERIES
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import legend_label, new_axes, number_axis, styled
from distnet.report.text import shorten
from distnet.run_folder.figures import Curve

NUM_MARKED = 40
"""A line of at most this many points shows each of them."""


def draw(figure: Curve, _: Arrays) -> Iterator[Part]:
    """Draw all series in one plot."""
    alt = f"{figure.y_label} over {figure.x_label}"
    yield Plot(figure.title, alt, draw_curve(figure))


@styled()
def draw_curve(figure: Curve) -> Canvas:
    """Draw each series in its colour; a legend names them if there is more than one."""
    canvas, axes = new_axes(figure.title)
    for index, line in enumerate(figure.series):
        colour = SERIES[index % len(SERIES)]
        marker = "o" if len(line.x) <= NUM_MARKED else ""
        label = legend_label(shorten(line.name, 28))
        axes.plot(line.x, line.y, color=colour, marker=marker, markersize=4, label=label)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    if len(figure.series) > 1:
        axes.legend()
    return canvas
