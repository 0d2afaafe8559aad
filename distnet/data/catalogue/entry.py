"""What is known of a data set: who publishes it, where its raw files are, how they are imported."""

import shlex
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field

from distnet.spec.printable import argument
from distnet.spec.sections.section import Section

NOT_STATED = "not stated"


class Content(Section):
    """All raw files of a data set, taken together."""

    num_files: int
    num_bytes: int
    sha256: str
    """Of the lines of `find * -type f | LC_ALL=C sort | xargs sha256sum`."""


class Archive(Section):
    """A tar archive at the entry's address."""

    folder: str
    """The raw files are in this folder of it; `*` stands for one name."""
    only: tuple[str, ...] = ("*",)
    """Patterns of those that are needed, from that folder on."""
    sha256: str | None = None
    """None where the publisher makes the archive anew for each download, as GitHub does."""
    content: Content


class Mirror(Section):
    """The same raw files as one file, as a mirror has them."""

    file: str
    """A tar archive, or a single file in gzip's form."""
    folder: str = ""
    """The raw files are in this folder of the archive, or at its top."""


class Entry(Section):
    """A data set of the catalogue. Either `files` or `archive` says what is at its address."""

    name: str
    """Of the entry's file, and of the dataset that the import makes."""
    title: str
    publisher: str
    licence: str
    page: str
    """Where the publisher describes the data."""
    verified: str
    """How sha256 and address were verified."""
    jobs: tuple[str, ...]
    """The shipped job files that need it."""
    source: str = ""
    """The raw file that is imported; by default their folder."""
    options: str = ""
    """Of `distnet data import`."""
    address: str
    """Of the archive, or what stands before the path of each of the files."""
    num_bytes: int = Field(gt=0)
    """Of all downloads; about, where the archive has no sha256."""
    files: dict[str, str] = {}
    """The sha256 of each file, by its path."""
    archive: Archive | None = None
    mirror: Mirror

    @property
    def is_exact(self) -> bool:
        """Whether `num_bytes` is exact."""
        return self.archive is None or self.archive.sha256 is not None

    @property
    def raw_bytes(self) -> int:
        """Bytes of the raw files."""
        return self.num_bytes if self.archive is None else self.archive.content.num_bytes

    def needs(self, path: str) -> bool:
        """Whether a file is one of the raw files, by its path among them."""
        if self.archive is None:
            return path in self.files
        return any(fnmatchcase(path, pattern) for pattern in self.archive.only)

    def import_arguments(self, raw: Path, out: Path) -> list[str]:
        """The arguments of `distnet data import` that make the dataset `out`."""
        return [str(raw / self.source), str(out), *self._import_options()]

    def import_command(self, raw: Path, out: Path) -> str:
        """The same as a line for a shell."""
        paths = f"{argument(raw / self.source)} {argument(out)}"
        return f"distnet data import {paths} {shlex.join(self._import_options())}".strip()

    def _import_options(self) -> list[str]:
        licence = [] if self.licence == NOT_STATED else ["--licence", self.licence]
        return [*shlex.split(self.options), *licence]
