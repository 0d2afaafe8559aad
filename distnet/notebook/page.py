"""The report page of a run, shown within a notebook."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path

from distnet.spec.printable import printable

HEIGHT_PX = 720


@dataclass(frozen=True)
class Report(os.PathLike[str]):
    """The page that was written; a path, which a notebook shows as the page."""

    path: Path

    def __fspath__(self) -> str:
        """Its path, for `open` and `Path`."""
        return str(self.path)

    def __str__(self) -> str:
        """Its path."""
        return str(self.path)

    def __repr__(self) -> str:
        """Its path, marked as what it is."""
        return f"<Report {self.path}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own: its styles and the notebook's do not mix."""
        page = self.path.read_text(encoding="utf-8", errors="replace")
        return (
            f'<iframe sandbox title="{escape(printable(self.path))}" srcdoc="{escape(page)}" '
            f'style="width: 100%; height: {HEIGHT_PX}px; border: 1px solid #8886; '
            'border-radius: 6px"></iframe>'
        )
