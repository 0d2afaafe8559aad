"""A CSV file, opened: UTF-8, as it is or compressed with gzip."""

import csv
import gzip
import shlex
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import IO, TextIO, cast

from distnet.errors import DataError

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SAMPLE_BYTES = 2**18
LONGEST_CELL = 2**31 - 1  # of Python's reader; its default is 128 KiB
SAVE_AS = "save it as UTF-8 (in Excel: CSV UTF-8)"


def is_csv(path: Path) -> bool:
    """Whether the name is that of a CSV file."""
    return path.name.lower().endswith(SUFFIXES)


def read_beginning(path: Path) -> tuple[str, bool]:
    """The first part of the text, and whether it is all of it.

    Raises:
        DataError: the file cannot be read, or is not UTF-8.
    """
    try:
        with open_bytes(path) as file:
            content = file.read(SAMPLE_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from None
    if not content:
        raise DataError(f"{path}: the file is empty, expected a table")
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise DataError(f"{path}: found UTF-16, expected UTF-8; {SAVE_AS}")
    if b"\0" in content:
        raise DataError(f"{path}: found bytes that are 0, as in UTF-16; expected UTF-8; {SAVE_AS}")
    is_whole = len(content) <= SAMPLE_BYTES
    try:
        return getincrementaldecoder("utf-8-sig")().decode(content, final=is_whole), is_whole
    except UnicodeDecodeError:
        line = undecodable_line(path)
        at = path if line is None else f"{path}:{line}"
        raise DataError(f"{at}: {not_utf8(path)}") from None


def not_utf8(path: Path) -> str:
    """What a file that is not UTF-8 is taken for, and how it is converted."""
    name, new = shlex.quote(path.name), shlex.quote(f"utf8-{path.name}")
    return (
        f"not UTF-8, as of an older program on Windows; {SAVE_AS}, or convert it: "
        f"iconv -f WINDOWS-1252 -t UTF-8 {name} > {new}"
    )


def undecodable_line(path: Path) -> int | None:
    """The first line that is not UTF-8."""
    with open_bytes(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError:
                return number
    return None


def has_quotes(path: Path) -> bool:
    """Whether there is a double quote anywhere."""
    with open_bytes(path) as file:
        return any(b'"' in block for block in iter(partial(file.read, 2**20), b""))


def open_bytes(path: Path) -> IO[bytes]:
    """Open a file as what it holds, decompressed."""
    return cast(IO[bytes], gzip.open(path)) if path.suffix.lower() == ".gz" else path.open("rb")


@contextmanager
def reading_cells(path: Path) -> Iterator[TextIO]:
    """Open a file for Python's reader, with cells of any length."""
    limit = csv.field_size_limit(LONGEST_CELL)
    try:
        with (
            open_bytes(path) as content,
            TextIOWrapper(content, "utf-8-sig", errors="replace", newline="") as file,
        ):
            yield file
    finally:
        csv.field_size_limit(limit)
