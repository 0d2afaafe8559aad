"""The figures of a run, drawn one by one, and its report."""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path

from distnet.errors import RunError
from distnet.notebook.page import Report
from distnet.report.arrays import read_arrays
from distnet.report.page import figure_page, write_report
from distnet.report.parts import Part, Plot
from distnet.report.plots import by_name, draw_run, name_of
from distnet.report.run import read_run
from distnet.report.style import to_png, to_svg_file
from distnet.report.templates.render import render
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.write import write_whole


@dataclass(frozen=True)
class Figure:
    """A figure of a run: a plot, or a table of the last evaluation."""

    run: str
    name: str
    part: Part

    def save(self, file: str | Path) -> Path:
        """Write it as a file, whose suffix says how: `.svg`, `.png` or `.html`; a table `.html`.

        Raises:
            RunError: the suffix is another, or the file cannot be written.
        """
        path = Path(file)
        written = self._formats.get(path.suffix.lower())
        if written is None:
            raise RunError(
                f"{path}: found the suffix {path.suffix or '(none)'}, expected "
                f"one of {', '.join(self._formats)} for the figure {self.name}"
            )
        write_whole(path, written())
        return path

    @property
    def _formats(self) -> dict[str, Callable[[], bytes]]:
        part = self.part
        page = {".html": lambda: figure_page(f"{self.run}: {part.title}", part).encode()}
        if not isinstance(part, Plot):
            return {**page}
        canvas = part.canvas
        return {
            ".svg": lambda: to_svg_file(canvas).encode(),
            ".png": lambda: to_png(canvas),
            **page,
        }

    def __repr__(self) -> str:
        """Its name, and whose it is."""
        return f"<Figure {self.name} of {self.run}>"

    def _repr_svg_(self) -> str | None:
        return to_svg_file(self.part.canvas) if isinstance(self.part, Plot) else None

    def _repr_html_(self) -> str | None:
        return None if isinstance(self.part, Plot) else render("listing.html", one=self.part)


@dataclass(frozen=True)
class Drawings:
    """Draws what the report shows."""

    folder: RunFolder

    @property
    def names(self) -> list[str]:
        """The names of all figures, in the order of the report."""
        return list(self._parts)

    def figure(self, name: str) -> Figure:
        """Draw one by its name or title.

        Raises:
            RunError: there is no such figure.
        """
        run, found = self.folder.path.resolve().name, name_of(name)
        if found not in self._parts:
            raise RunError(f"{run}: it has no figure {name!r}{self._near(found)}")
        return Figure(run, found, self._parts[found])

    def report(self) -> Report:
        """Write the page.

        Raises:
            RunError: a file of the run is damaged, or the page cannot be written.
        """
        return Report(write_report(self.folder))

    @cached_property
    def _parts(self) -> dict[str, Part]:
        drawn = draw_run(read_run(self.folder), read_arrays(self.folder.pictures))
        return by_name([*drawn.learning, *drawn.evaluation, *drawn.listings])

    def _near(self, name: str) -> str:
        if not self._parts:
            return ": nothing is recorded yet"
        near = get_close_matches(name, self._parts, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else "."
        return f"{meant} It has: {', '.join(self._parts)}"
