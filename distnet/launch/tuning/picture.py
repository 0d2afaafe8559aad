"""The picture of a range test: the loss over the rate, and the rates that the rules suggest."""

from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from distnet.errors import RunError
from distnet.launch.tuning.range_test import RangeTest
from distnet.report.colours import BLUE, GREEN, ORANGE, PURPLE
from distnet.report.page import figure_page
from distnet.report.parts import Plot
from distnet.report.style import MUTED, new_axes, number_axis, styled, to_png, to_svg_file
from distnet.run_folder.write import write_whole

COLOURS = (ORANGE, GREEN, PURPLE)
ABOVE = 0.25
"""What is drawn above the first loss, as a part of the fall: a loss that diverges leaves the
picture."""


def write_picture(path: Path, found: RangeTest) -> None:
    """Draw a range test into a PNG, SVG or HTML file."""
    write_whole(path, _form(path)(found))


def require_form(path: Path) -> None:
    """Refuse the name of a file that is not a picture.

    Raises:
        RunError: it ends in something else.
    """
    _form(path)


@styled()
def draw(found: RangeTest) -> Figure:
    """Draw the losses of the steps faintly, their running mean, and a point for each rule."""
    figure, axes = new_axes(title(found))
    axes.plot(found.rates, found.losses, color=BLUE, alpha=0.28, linewidth=0.8)
    axes.plot(found.rates, found.smoothed, color=BLUE, label="loss (smoothed)")
    for one, colour in zip(found.suggestions, COLOURS, strict=False):
        axes.plot([one.rate], [one.loss], "o", color=colour, label=f"{one.rule} {one.rate:g}")
    if min(found.rates) <= found.job_rate <= max(found.rates):
        label = f"job file {found.job_rate:g}"
        axes.axvline(found.job_rate, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label=label)
    axes.set_xscale("log")
    low, high = min(found.smoothed), found.smoothed[0]
    if high > low:
        room = ABOVE * (high - low)
        axes.set_ylim(low - room, high + 2 * room)
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    number_axis(axes.xaxis)
    number_axis(axes.yaxis)
    axes.legend()
    return figure


def title(found: RangeTest) -> str:
    """What the picture shows."""
    return f"Loss of {found.job} at rising rates"


def _png(found: RangeTest) -> bytes:
    return to_png(draw(found))


def _svg(found: RangeTest) -> bytes:
    return to_svg_file(draw(found)).encode()


def _html(found: RangeTest) -> bytes:
    plot = Plot(title(found), "the loss over the learning rate", draw(found))
    return figure_page(plot.title, plot).encode(errors="replace")


FORMS: dict[str, Callable[[RangeTest], bytes]] = {".png": _png, ".svg": _svg, ".html": _html}


def _form(path: Path) -> Callable[[RangeTest], bytes]:
    if path.suffix.lower() not in FORMS:
        raise RunError(f"--picture {path}: expected a name that ends in {', '.join(FORMS)}")
    return FORMS[path.suffix.lower()]
