"""The HTML report of a sweep: its table and its picture on one self-contained page."""

from pathlib import Path

from distnet.protocol.sweeps import SweepResponse
from distnet.report.page import inline
from distnet.report.parts import Plot, draw_figures
from distnet.report.style import to_png
from distnet.report.templates.render import render
from distnet.run_folder.write import write_whole
from distnet.sweeps.listing import listings
from distnet.sweeps.picture import picture


def write_page(path: Path, sweep: SweepResponse) -> None:
    """Write the page of a sweep, finished or not.

    Raises:
        RunError: it cannot be written.
    """
    page = render("sweep.html", sweep=sweep, plots=inline(_plots(sweep)), listings=listings(sweep))
    write_whole(path, page.encode(errors="replace"))


def write_picture(path: Path, sweep: SweepResponse) -> bool:
    """Write the picture of a sweep as PNG; False where fewer than two trials are measured.

    Raises:
        RunError: it cannot be written.
    """
    plots = _plots(sweep)
    if plots:
        write_whole(path, to_png(plots[0].canvas))
    return bool(plots)


def _plots(sweep: SweepResponse) -> list[Plot]:
    figure = picture(sweep)
    parts = draw_figures([figure] if figure else [], {})
    return [part for part in parts if isinstance(part, Plot)]
