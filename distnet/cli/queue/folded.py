"""A log with progress bars in it: of a line that was written over, the last state alone.

tqdm and others write a bar again and again after a carriage return. A terminal shows the last one;
a file, or a pipe to `grep`, would hold thousands.
"""

import re
import sys
from types import TracebackType
from typing import Self

from distnet.cli.output import write_log

OVERWRITTEN = re.compile(r"[^\r\n]*\r+(?=[^\r\n])")
"""The part of a line that what follows is written over."""


class FoldedLog:
    """Writes the pieces of a log to stdout; a line with a bar in it waits for its end."""

    def __init__(self) -> None:
        self._held = ""

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what still waits."""
        write_log(_folded(self._held))

    def write(self, text: str) -> None:
        """Write a piece, which may end anywhere."""
        if sys.stdout.isatty():
            write_log(text)
            return
        lines, end, rest = (self._held + text).rpartition("\n")
        write_log(_folded(lines + end))
        has_bar = "\r" in rest or bool(self._held and not end)
        self._held = OVERWRITTEN.sub("", rest) if has_bar else ""
        if not has_bar:
            write_log(rest)


def _folded(text: str) -> str:
    return OVERWRITTEN.sub("", text).replace("\r", "")
