"""The lines of a text file, as they are or compressed with gzip, one after the other."""

import zlib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from pathlib import Path

from distnet.data.csv.file import open_bytes
from distnet.errors import DataError


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a file without their line breaks, which only a line feed makes.

    Raises:
        DataError: the file cannot be read, or is UTF-16.
    """
    try:
        with open_bytes(path) as file:
            for number, line in enumerate(file):
                if b"\0" in line or (not number and line.startswith((BOM_UTF16_LE, BOM_UTF16_BE))):
                    raise DataError(f"{path}: found UTF-16, expected UTF-8; save it as UTF-8")
                content = line if number else line.removeprefix(BOM_UTF8)
                yield content.removesuffix(b"\n").removesuffix(b"\r")
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: cannot be read: {reason}") from None
