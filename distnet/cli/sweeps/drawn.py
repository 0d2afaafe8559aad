"""The files that `distnet sweep` draws; matplotlib is imported with this module."""

from pathlib import Path

from distnet.errors import RunError
from distnet.protocol.sweeps import SweepResponse
from distnet.sweeps.page import write_page, write_picture


def draw(sweep: SweepResponse, html: Path | None, png: Path | None) -> None:
    """Write the page and the picture of a sweep, those that are given.

    Raises:
        RunError: one cannot be written, or there is no picture because nothing is measured yet.
    """
    if html is not None:
        write_page(html, sweep)
    if png is not None and not write_picture(png, sweep):
        raise RunError(
            f"--png {png}: found fewer than two trials with a result, expected two to draw; "
            f"see: distnet sweep {sweep.name}"
        )
