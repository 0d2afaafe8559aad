"""Text files in UTF-8, which may be compressed."""

import gzip
import zlib
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from distnet.errors import DataError

SUFFIXES = (".txt", ".txt.gz")


def is_text_file(file: Path) -> bool:
    """Whether the name is that of plain text."""
    return file.name.lower().endswith(SUFFIXES)


def read_text(file: Path) -> str:
    """The content of a file in UTF-8, decompressed where its name ends in `.gz`.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    try:
        content = file.read_bytes()
        is_zipped = file.suffix.lower() == ".gz"
        return (gzip.decompress(content) if is_zipped else content).decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(
            f"{file}: cannot be read as UTF-8 text: {error}; save it as UTF-8"
        ) from None


def read_lines(file: Path) -> Iterator[str]:
    """Go through the lines of a file, each with its line break.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    # Not splitlines(), which also cuts at form feeds and separators inside a line.
    yield from StringIO(read_text(file), newline="")
