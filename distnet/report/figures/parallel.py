"""Parallel coordinates: each row is a line that crosses one axis a column.

Source: A. Inselberg, The plane with parallel coordinates, The Visual Computer 1 (1985), p. 69-91.
"""

import math
from collections.abc import Iterator, Sequence

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from distnet.report.parts import Arrays, Part, Plot
from distnet.report.style import INK, MUTED, new_axes, styled
from distnet.report.text import cell, number, shorten
from distnet.run_folder.figures import Cell, Parallel
from distnet.spec.metric import Format
from distnet.spec.plural import counted

LOG_FROM = 30
"""Positive numbers whose largest is this many times the smallest are drawn by their logarithm."""
APART = 0.045
"""Of the height of an axis: labels that are nearer than this would overlap."""
COLOURS = "viridis"


def draw(figure: Parallel, _: Arrays) -> Iterator[Part]:
    """Draw all rows in one plot."""
    alt = f"{counted(len(figure.rows), 'line')} over {', '.join(figure.columns)}"
    yield Plot(figure.title, alt, draw_parallel(figure))


@styled()
def draw_parallel(figure: Parallel) -> Canvas:
    """Draw the rows, the best one last and with a wide line; rows with gaps are left out."""
    canvas, axes = new_axes(figure.title, width=max(5.0, 1.75 * len(figure.columns)), height=3.8)
    whole = [index for index, row in enumerate(figure.rows) if None not in row]
    columns = [[figure.rows[index][at] for index in whole] for at in range(len(figure.columns))]
    heights = [_heights(values) for values in columns]
    colours = matplotlib.colormaps[COLOURS]
    for at in sorted(range(len(whole)), key=lambda at: whole[at] == figure.best):
        line = [column[at] for column in heights]
        is_best = whole[at] == figure.best
        width, alpha = (3.0, 1.0) if is_best else (1.6, 0.75)
        axes.plot(line, color=colours(0.9 * line[-1]), linewidth=width, alpha=alpha, marker="o")
    plain: list[Format] = ["number"] * len(figure.columns)
    formats = figure.formats or plain
    for at, (values, form) in enumerate(zip(columns, formats, strict=True)):
        _draw_axis(axes, at, values, form)
    axes.set_xticks(range(len(figure.columns)), [shorten(name, 24) for name in figure.columns])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.spines[:].set_visible(False)
    axes.set_xlim(-0.15, len(figure.columns) - 0.55)
    return canvas


def _draw_axis(axes: Axes, at: int, values: Sequence[Cell], form: Format) -> None:
    """Draw the axis of a column, with those values beside it that have room."""
    axes.axvline(at, color=MUTED, linewidth=0.8, zorder=0)
    named = dict(zip(_heights(values), values, strict=True))
    for height in _readable(sorted(named, reverse=True)):
        text = shorten(_text(named[height], form), 18)
        axes.annotate(
            text,
            (at, height),
            xytext=(7, 5),
            textcoords="offset points",
            va="center",
            color=INK,
            fontsize=9,
        )


def _readable(heights: Sequence[float]) -> list[float]:
    """Those that are far enough apart from the one before, from the top."""
    shown: list[float] = []
    for height in heights:
        if not shown or shown[-1] - height >= APART:
            shown.append(height)
    return shown


def _text(value: Cell, form: Format) -> str:
    if form == "percent" and isinstance(value, int | float):
        return f"{number(round(100 * value, 2))}%"
    return cell(value)


def _heights(values: Sequence[Cell]) -> list[float]:
    """Where each value is on its axis, from 0 to 1."""
    numbers = [float(v) for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    if len(numbers) < len(values) or not all(map(math.isfinite, numbers)):
        names = list(dict.fromkeys(map(cell, values)))
        numbers = [float(names.index(cell(value))) for value in values]
    elif numbers and min(numbers) > 0 and max(numbers) / min(numbers) >= LOG_FROM:
        numbers = [math.log(value) for value in numbers]
    low, high = min(numbers, default=0.0), max(numbers, default=0.0)
    return [(value - low) / (high - low) if high > low else 0.5 for value in numbers]
