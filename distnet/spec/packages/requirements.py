"""What `packages` of a job file asks for: a list, or a requirements file as pip reads it."""

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from distnet.errors import PackageError
from distnet.spec.code.names import locate
from distnet.spec.reading.faults import Fault, shortened
from distnet.spec.reading.validation import first_fault
from distnet.spec.sections.needs import PackageName, refuse_password

SHORT = {"-i": "--index-url", "-f": "--find-links"}
WITH_VALUE = (
    *("--index-url", "--extra-index-url", "--find-links", "--only-binary", "--no-binary"),
)
ALONE = ("--no-index", "--pre", "--prefer-binary")
COMMENT = re.compile(r"(^|\s+)#.*$")
PACKAGE: TypeAdapter[str] = TypeAdapter(PackageName)


@dataclass(frozen=True)
class Requirements:
    """Packages, and where pip finds them."""

    packages: tuple[str, ...] = ()
    """As in `timm==1.0.20`."""
    options: tuple[str, ...] = ()
    """Lines of options, as in `--find-links wheels`."""

    @property
    def lines(self) -> tuple[str, ...]:
        """All lines, as of a requirements file."""
        return (*self.options, *self.packages)

    def resolved(self, folder: Path) -> tuple[str, ...]:
        """All lines; what they name in the job file's folder, or in a copy of it, is absolute."""
        return tuple(map(str, self._options(folder))) + self.packages

    def found_beside(self, folder: Path) -> str:
        """The sha256 of the files that options name in the folder; empty if there are none."""
        own = [folder / name for name in self.folders()]
        files = [file for path in own for file in ([path] if path.is_file() else path.rglob("*"))]
        lines = [
            f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(folder)}"
            for file in sorted(files)
            if file.is_file()
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest() if lines else ""

    def folders(self) -> list[str]:
        """The folders and files of packages that options name beside the job file."""
        named = [line.partition(" ") for line in self.options]
        found = [value for option, _, value in named if _is_path(option, value)]
        return [value for value in found if not os.path.isabs(value)]

    def _options(self, folder: Path) -> Iterator[str]:
        for line in self.options:
            option, _, value = line.partition(" ")
            is_path = _is_path(option, value)
            yield f"{option} {os.path.abspath(folder / value)}" if is_path else line


def _is_path(option: str, value: str) -> bool:
    return option == "--find-links" and "://" not in value


def requirements_of_lines(lines: Sequence[str]) -> Requirements:
    """Read lines that were checked before, such as those that a plan keeps."""
    return Requirements(packages_of(lines), tuple(li for li in lines if li.startswith("-")))


def packages_of(lines: Sequence[str]) -> tuple[str, ...]:
    """The packages among lines that were checked before."""
    return tuple(line for line in lines if not line.startswith("-"))


def requirements_of(written: str | tuple[str, ...], folder: Path) -> Requirements:
    """What the key `packages` of a job file asks for.

    Args:
        written: the key: a list, or the name of a file.
        folder: that of the job file, or of a copy of its code.

    Raises:
        PackageError: the file cannot be read, or has faults; all of them are listed.
    """
    if not isinstance(written, str):
        return Requirements(written)
    path = locate(written, folder)
    try:
        text = path.read_text("utf-8")
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise PackageError(f"{written}: cannot be read: {reason}") from None
    found, faults = read_requirements(text)
    if faults:
        raise PackageError("\n".join(f"{written}:{f.line}: {f.message}" for f in faults))
    return found


def read_requirements(text: str) -> tuple[Requirements, list[Fault]]:
    """Read the text of a requirements file, and list what cannot be used on other machines."""
    packages, options, faults = list[str](), list[str](), list[Fault]()
    for number, line in _lines(text):
        try:
            if line.startswith("-"):
                options.append(_option(line))
            else:
                packages.append(_package(line))
        except ValueError as error:
            faults.append(Fault((), str(error), number))
    return Requirements(tuple(packages), tuple(options)), faults


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines without comments, with their numbers; a backslash at the end joins two."""
    begun, first = "", 0
    for number, written in enumerate(text.splitlines(), start=1):
        line = begun + COMMENT.sub("", written)
        first = first if begun else number
        begun = line[:-1] if line.endswith("\\") else ""
        if not begun and line.strip():
            yield first, line.strip()


def _package(line: str) -> str:
    try:
        return PACKAGE.validate_python(line)
    except ValidationError as error:
        raise ValueError(first_fault(error)) from None


def _option(line: str) -> str:
    written, _, value = re.sub(r"[=\s]+", " ", line, count=1).partition(" ")
    option = SHORT.get(written, written)
    if option in ALONE and not value:
        return option
    if option in WITH_VALUE and value.strip():
        refuse_password(value)
        return f"{option} {value.strip()}"
    known = ", ".join((*WITH_VALUE, *ALONE))
    raise ValueError(f"found `{shortened(line)}`, expected a package, or one of {known}")
