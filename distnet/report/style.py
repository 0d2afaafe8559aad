"""The look of every plot: one palette, one set of sizes; PNGs are light, SVGs follow the page.

Colours of series are in `colours.py`. Text and grid take three reserved colours, which become CSS
variables of the page in an SVG, so that one drawing is readable in light and in dark mode.
"""

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import fill
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from distnet.report.text import number
from distnet.spec.metric import Format
from distnet.spec.printable import printable_lines

INK, MUTED, GRID = "#1f2a37", "#5f6b7a", "#dde2e8"
WIDTH, HEIGHT = 5.0, 3.3
"""Inches. 5.0 inches are 360 points, the width of a phone, where text keeps its size."""
TITLE_LETTERS = 8
"""Of the bold letters of a title, as many fit on an inch."""
PNG_DPI = 200
STEPS = (1, 2, 2.5, 5, 10)
RC: dict[str, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.grid": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 10,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 12,
    "axes.titleweight": "bold",
    "figure.constrained_layout.h_pad": 0.09,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.07,
    "font.family": "sans-serif",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    # An SVG then holds the image's own pixels, which stay sharp at any size.
    "image.interpolation": "none",
    "legend.fontsize": 9.5,
    "legend.edgecolor": "none",
    "legend.framealpha": 0.85,  # above lines that cross it
    "legend.labelcolor": INK,
    "lines.linewidth": 1.8,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "distnet",
    "text.color": INK,
    # A class may be named "$5": text is text, never a formula.
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
}
PAGE_COLOURS = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--grid)"}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and save inside this, so that the user's matplotlib settings have no effect."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(RC)
        # A class name in a script that the font lacks becomes boxes in a PNG; that is enough.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


def new_axes(title: str, *, width: float = WIDTH, height: float = HEIGHT) -> tuple[Figure, Axes]:
    """Make a figure with one set of axes; sizes in inches."""
    figure = Figure(figsize=(width, height))
    axes = figure.add_subplot()
    axes.set_title(fill(title, round(TITLE_LETTERS * width)), pad=10)
    return figure, axes


def legend_label(name: str) -> str:
    """Make a name the label of a line: matplotlib leaves those with an underscore at first out."""
    return f" {name}" if name.startswith("_") else name


def number_axis(axis: Any, *, integer: bool = False, form: Format = "number") -> None:
    """Write the ticks of an axis with thousands separators, or as percents of 0% to 100%."""
    low, high = axis.get_view_interval()
    if form == "percent" and low < 0 <= axis.get_data_interval()[0]:
        low = -0.02 * high
        axis.axes.set(**{f"{axis.axis_name}lim": (low, high)})
    if form == "percent" and axis.get_data_interval()[1] <= 1 < high:
        axis.axes.set(**{f"{axis.axis_name}lim": (low, 1 + 0.02 * (1 - low))})
    if axis.get_scale() == "log":
        is_crowded = axis.axis_name == "x" and high > 100 * low
        axis.set_major_locator(LogLocator(subs=(1,) if is_crowded else (1, 2, 5)))
        axis.set_minor_locator(NullLocator())
    else:
        axis.set_major_locator(MaxNLocator(6, integer=integer, min_n_ticks=1, steps=STEPS))
    axis.set_major_formatter(FuncFormatter(lambda value, _: _tick(value, form)))


def _tick(value: float, form: Format) -> str:
    return f"{number(round(100 * value, 6))}%" if form == "percent" else number(value)


def to_png(figure: Figure) -> bytes:
    """Render on white, at twice the size of the screen."""
    with styled():
        _lay_out(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", dpi=PNG_DPI, facecolor="white")
    return buffer.getvalue()


def to_svg(figure: Figure) -> str:
    """Render as an inline SVG element; its text and grid take the colours of the page."""
    svg = _to_svg(figure, transparent=True)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>', r'<svg viewBox="\1">', svg, count=1)
    # Ids such as axes_1 would occur once per figure; ids that are referred to are hashes.
    svg = re.sub(r' id="[^"]*_\d+"', "", svg)
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(f": {colour}", f": {variable}")
    return printable_lines(svg)


def to_svg_file(figure: Figure) -> str:
    """Render as an SVG file, on white: it can be read wherever it is shown."""
    svg = _to_svg(figure, facecolor="white")
    return printable_lines(svg[svg.index("<svg") :])


def _to_svg(figure: Figure, **options: Any) -> str:
    with styled():
        _lay_out(figure)
        buffer = io.StringIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        figure.savefig(buffer, format="svg", metadata=nothing, **options)
    return buffer.getvalue()


def _lay_out(figure: Figure) -> None:
    """Compute the layout once: to do so again for each file takes half of the drawing time."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
