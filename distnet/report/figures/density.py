"""How many samples lie where, on a grid: predicted against actual numbers of large sets."""

from collections.abc import Iterator

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure as Canvas

from distnet.report.figures.confusion import SCALE
from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import MUTED, new_axes, number_axis, styled
from distnet.report.text import number
from distnet.run_folder.figures import Density


def draw(figure: Density, _: Arrays) -> Iterator[Part]:
    """Draw the grid; nothing where it has no samples."""
    if any(map(any, figure.counts)):
        alt = f"{figure.y_label} against {figure.x_label}: how many samples lie where"
        yield Plot(figure.title, alt, draw_density(figure))


@styled()
def draw_density(figure: Density) -> Canvas:
    """Colour the cells by the logarithm of their counts; empty ones stay clear."""
    counts = np.array(figure.counts, dtype=float)
    title = f"{figure.title}, {number(counts.sum())} samples"
    canvas, axes = new_axes(title, height=4.6)
    ends = (figure.low, figure.high)
    image = axes.imshow(
        np.ma.masked_equal(counts, 0),
        cmap=SCALE,
        norm=LogNorm(vmin=0.5, vmax=max(counts.max(), 2)),
        origin="lower",
        extent=(*ends, *ends),
    )
    axes.plot(ends, ends, color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="equal")
    axes.grid(visible=False)
    axes.set_xlabel(figure.x_label)
    axes.set_ylabel(figure.y_label)
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    axes.legend(loc="upper left")
    bar = canvas.colorbar(image, ax=axes, shrink=0.82)
    number_axis(bar.ax.yaxis)
    bar.set_label("samples")
    bar.outline.set_visible(False)
    return canvas
