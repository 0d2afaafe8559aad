"""Collect a job's own code: the files that its parts name, what these import, and its `files`.

The same files are kept in the folder of a run and uploaded to a server. Data that the code reads
belongs to it only where the job file names it: in `files`, or as the option of an own part.
"""

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from distnet.errors import DistnetError, PackageError, UnknownPartError
from distnet.spec.code.graph import imported_files
from distnet.spec.code.ignore import IGNORE_FILE, IsIgnored, read_ignore
from distnet.spec.code.modes import make_executable
from distnet.spec.code.names import LONGEST_NAME, ROOT, UP, file_of, locate, shown_name, stored_name
from distnet.spec.code.search import search_of
from distnet.spec.code.walk import regular_files
from distnet.spec.named_parts import named_parts
from distnet.spec.packages.requirements import Requirements, requirements_of
from distnet.spec.read import JobFile
from distnet.spec.reading.faults import Fault

LARGEST_FILE = 10_000_000
LARGEST = 50_000_000
MOST_FILES = 10_000


@dataclass(frozen=True)
class OwnFile:
    """One file, as it was when it was collected."""

    name: str
    """Relative to the job file's folder; see `names.py`."""
    data: bytes
    is_executable: bool = False

    @property
    def sha256(self) -> str:
        """Of its content."""
        return hashlib.sha256(self.data).hexdigest()


@dataclass(frozen=True)
class OwnCode:
    """The files of one job; none where all of its parts ship with distnet."""

    files: tuple[OwnFile, ...] = ()
    """Sorted by name."""
    too_large: tuple[str, ...] = ()
    """Files that options name and that are left out, each with its size."""
    linked: tuple[str, ...] = field(default=(), compare=False)
    """Files that are in the job file's folder only through a link to elsewhere, each with that."""

    @property
    def hashes(self) -> dict[str, str]:
        """By name, the sha256 of each file."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def sha256(self) -> str:
        """Identifies the names and the contents of all files; empty where there are none."""
        return digest(self.hashes)

    def write(self, folder: Path) -> None:
        """Write all files below `folder`.

        Raises:
            OSError: it is not writable.
        """
        for file in self.files:
            path = folder / file.name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(file.data)
            if file.is_executable:
                make_executable(path)


def digest(hashes: dict[str, str]) -> str:
    """The sha256 that identifies files by their names and hashes; empty where there are none."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest() if lines else ""


def own_code(file: JobFile, *, mentioned: Sequence[str] = ()) -> OwnCode:
    """Collect the own code of a job.

    Args:
        file: the job file.
        mentioned: other kinds and files that may be used, as in a sweep.

    Raises:
        UnknownPartError: the file of a part is missing; the key is named.
        JobFileError: `files` names what cannot be taken; the key is named.
        DistnetError: there are too many or too large files, or one cannot be read.
    """
    found = _Collector(file)
    parts = {f"{section}.kind": part for section, part in named_parts(file.job).items()}
    own = {key: part for key, part in parts.items() if file_of(part.kind)}
    for key, part in own.items():
        found.add_part(part.kind, key)
    for text in mentioned:
        found.add_part(text, None)
    for text in (*mentioned, *_texts([part.options for part in own.values()])):
        found.add_option(text)
    if file.job.start is not None:
        found.add_option(file.job.start.weights)
    for index, written in enumerate(file.job.files):
        found.add_named(written, f"files.{index}")
    if isinstance(file.job.packages, str):
        found.add_named(file.job.packages, "packages")
        for name in _readable(file, file.job.packages).folders():
            found.add_named(name, "packages")
    return found.code()


def _readable(file: JobFile, written: str) -> Requirements:
    """The content of a requirements file; refuses one that has faults."""
    try:
        return requirements_of(written, file.code_folder)
    except PackageError as error:
        raise file.locations.error(
            [Fault(("packages",), line) for line in str(error).splitlines()]
        ) from None


@dataclass
class _Collector:
    job_file: JobFile
    folder: Path = field(init=False)
    """The job file's, or that of a copy; absolute."""
    _is_ignored: IsIgnored = field(init=False)
    _files: dict[str, OwnFile] = field(default_factory=dict)
    _too_large: list[str] = field(default_factory=list)
    _linked: list[str] = field(default_factory=list)
    _num_bytes: int = 0

    def __post_init__(self) -> None:
        self.folder = Path(os.path.abspath(self.job_file.code_folder))
        self._is_ignored = read_ignore(self.folder)

    def add_part(self, kind: str, key: str | None) -> None:
        """Add the file that the kind of a part names, if it names one, and all that it imports."""
        written = file_of(kind)
        if written is None:
            return
        path = locate(written, self.folder)
        if not path.is_file():
            wrong = (
                f"found no file {path}, expected `{written}` there (relative to the job file's "
                "folder)"
            )
            raise UnknownPartError(str(self.job_file.fault(key, wrong)) if key else wrong)
        self._add(stored_name(written), path)
        search = search_of(path, self.folder)
        ups = [".."] * len(path.parent.relative_to(search.root).parts)
        outside = stored_name(os.path.join(os.path.dirname(written), *ups))
        for module in imported_files(path, self.folder):
            is_inside = module.is_relative_to(self.folder)
            base, prefix = (self.folder, "") if is_inside else (search.root, outside)
            name = (PurePosixPath(prefix) / module.relative_to(base).as_posix()).as_posix()
            if not self._is_ignored(name):
                self._add(name, module)

    def add_option(self, text: str) -> None:
        """Add the file that the option of a part names, if it is one."""
        path = self._inside(text)
        if path is None or not path.is_file() or self._is_ignored(stored_name(text)):
            return
        if self._leads_out(path):  # whoever wrote `files` means it; a mere option may not
            return
        if (size := path.stat().st_size) > LARGEST_FILE:
            self._too_large.append(f"{shown_name(stored_name(text))} ({megabytes(size)})")
        else:
            self._add(stored_name(text), path)

    def add_named(self, written: str, key: str) -> None:
        """Add a file or a folder that the job file's `files` names."""
        path = self._inside(written)
        if path is None:
            wrong = f"found {written!r}, expected a path below the folder of the job file"
            raise self.job_file.fault(key, wrong)
        if not path.is_file() and not path.is_dir():
            wrong = f"found no file or folder {path}, expected `{written}` beside the job file"
            raise self.job_file.fault(key, wrong)
        inside = [path] if path.is_file() else regular_files(path, self.folder, self._is_ignored)
        try:
            for each in inside:
                self._add(each.relative_to(self.folder).as_posix(), each)
        except DistnetError as error:
            raise self.job_file.fault(key, str(error)) from None

    def code(self) -> OwnCode:
        """All that was added."""
        files = sorted(self._files.values(), key=lambda file: file.name)
        return OwnCode(tuple(files), tuple(dict.fromkeys(self._too_large)), tuple(self._linked))

    def _leads_out(self, path: Path) -> bool:
        """Whether a path below the job file's folder is a link, or in one, to elsewhere."""
        is_below = path.is_relative_to(self.folder)
        return is_below and not path.resolve().is_relative_to(self.folder.resolve())

    def _inside(self, written: str) -> Path | None:
        """The path, if it is written as one below the job file's folder."""
        name = stored_name(written) if written and "\0" not in written else "."
        is_below = (
            name not in ("", ".")
            and name.split("/")[0] not in (UP, ROOT)
            and len(name) < LONGEST_NAME
        )
        return self.folder / name if is_below else None

    def _add(self, name: str, path: Path) -> None:
        if name in self._files:
            return
        if not name.isprintable() and name != name.encode(errors="replace").decode():
            raise DistnetError(
                f"{path.parent}: found the file name {name.rpartition('/')[2]!r}, expected one in "
                f"UTF-8; rename it, or leave it out with a {IGNORE_FILE}"
            )
        self._files[name] = file = _read(name, path)
        self._num_bytes += len(file.data)
        if self._leads_out(path):
            self._linked.append(f"{name} ({path.resolve()})")
        if len(self._files) > MOST_FILES:
            raise DistnetError(f"{self.folder}: found more than {MOST_FILES:,} files {REMEDY}")
        if self._num_bytes > LARGEST:
            raise DistnetError(self._described_size())

    def _described_size(self) -> str:
        files = sorted(self._files.values(), key=lambda file: (-len(file.data), file.name))
        largest = ", ".join(f"{file.name} ({megabytes(len(file.data))})" for file in files[:3])
        return (
            f"{self.folder}: found more than {megabytes(LARGEST)} of files {REMEDY}; the largest "
            f"are {largest}"
        )


REMEDY = (
    "that the job names or its code imports; name data by its absolute path, or leave files out "
    f"with a {IGNORE_FILE}"
)


def _read(name: str, path: Path) -> OwnFile:
    """Read one file; neither more than fits, nor anything that is not a regular file."""
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise DistnetError(
                f"{path}: found a device, pipe or socket, expected a regular file, as a copy of it "
                "is kept with the run"
            )
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise DistnetError(
            f"{path}: cannot read this file of the job's own code: {error.strerror}"
        ) from None
    if len(data) > LARGEST_FILE:
        raise DistnetError(
            f"{path}: found {megabytes(facts.st_size)}, expected at most "
            f"{megabytes(LARGEST_FILE)} for a file that is kept with the code of a run; name data "
            "by its absolute path in an option"
        )
    return OwnFile(name, data, bool(facts.st_mode & stat.S_IXUSR))


def _texts(value: Any) -> Iterator[str]:
    """All texts in the options of parts."""
    if isinstance(value, str):
        yield value
    inner: Iterable[Any] = value.values() if isinstance(value, dict) else ()
    for each in value if isinstance(value, list | tuple) else inner:
        yield from _texts(each)


def megabytes(size: int) -> str:
    """A size as text."""
    return f"{size / 1e6:.1f} MB"
