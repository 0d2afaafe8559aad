"""What the process of an attempt prints: followed as the stream `run`, and kept."""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from distnet.run_folder.paths import RunFolder

LOG = "run.log"


@contextmanager
def printed_to(output: Path) -> Iterator[None]:
    """Send all that this process prints to a file, and in the end also to where it went before.

    The descriptors, not Python's streams: libraries and the job's own files write to them, too.
    """
    before = [os.dup(number) for number in (1, 2)]
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _direct([handle, handle])
    os.close(handle)
    try:
        yield
    finally:
        _direct(before)
        for number in before:
            os.close(number)
        with suppress(OSError):
            sys.stdout.write(output.read_text(errors="replace"))
            sys.stdout.flush()


def keep(output: Path, folder: RunFolder) -> None:
    """Add what was printed to the run's logs, should the server never come back."""
    _flush()
    if not folder.plan.is_file():
        return
    with suppress(OSError), output.open("rb") as source, (folder.logs / LOG).open("ab") as target:
        shutil.copyfileobj(source, target)


def say(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


def _direct(handles: list[int]) -> None:
    _flush()
    for number, handle in zip((1, 2), handles, strict=True):
        os.dup2(handle, number)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
