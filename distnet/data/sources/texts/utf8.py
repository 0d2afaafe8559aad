"""Text files in UTF-8, which may be compressed."""

import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

from distnet.data.csv.file import open_bytes
from distnet.errors import DataError

SUFFIXES = (".txt", ".txt.gz")


def is_text_file(file: Path) -> bool:
    """Whether the name is that of plain text."""
    return file.name.lower().endswith(SUFFIXES)


def is_unicode(text: str) -> bool:
    """Whether it has no halves of surrogate pairs, as JSON and bytes of a command line may have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def read_text(file: Path) -> str:
    """The content of a file in UTF-8, decompressed where its name ends in `.gz`.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    try:
        with open_bytes(file) as opened:
            content = opened.read()
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{file}: cannot be read: {reason}; copy the file again") from None
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise DataError(f"{file}: found UTF-16, expected UTF-8; save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + content.count(b"\n", 0, error.start)
        raise DataError(f"{file}:{line}: not UTF-8 ({error.reason}); save it as UTF-8") from None
    if "\0" in text:
        line = 1 + text.count("\n", 0, text.index("\0"))
        raise DataError(f"{file}:{line}: found a byte that is 0, as no text has; repair the file")
    return text


def read_lines(file: Path) -> Iterator[str]:
    """Go through the lines of a file, each with its line break.

    Raises:
        DataError: it cannot be read, or is not UTF-8.
    """
    # Not splitlines(), which also cuts at form feeds and separators inside a line.
    yield from StringIO(read_text(file), newline="")
