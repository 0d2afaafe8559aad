"""The parts of a report: plots, and listings of text."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from distnet.run_folder.figures import Figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas
    from numpy.typing import NDArray

Arrays = Mapping[str, "NDArray[Any]"]
"""The arrays of `pictures.npz`, by name."""


@dataclass(frozen=True)
class Plot:
    """What matplotlib has drawn."""

    title: str
    alt: str
    """What it shows, for readers who cannot see it."""
    canvas: "Canvas"


@dataclass(frozen=True)
class Listing:
    """Rows of text."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: frozenset[int] = frozenset()
    """The columns that hold numbers."""
    is_prose: bool = False
    """Whether the rows are text in lines, rather than names and numbers."""


Part = Plot | Listing


def draw_figures(figures: Iterable[Figure], arrays: Arrays) -> list[Part]:
    """Draw figures, each by the file that is named after its kind, in their order."""
    return [part for figure in figures for part in _draw(figure, arrays)]


def _draw(figure: Figure, arrays: Arrays) -> Iterable[Part]:
    module = import_module(f"distnet.report.figures.{figure.kind}")
    parts: Iterable[Part] = module.draw(figure, arrays)
    return parts
