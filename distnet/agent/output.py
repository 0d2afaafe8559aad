"""The output of the agent's process: captured as the stream `run`, and kept in the run folder."""

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
def captured_in(output: Path) -> Iterator[None]:
    """Redirect all output of this process to a file; copy it to the old destination at the end.

    It redirects file descriptors, because libraries and the job's own files write to them too.
    """
    before = [os.dup(number) for number in (1, 2)]
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    _redirect([handle, handle])
    os.close(handle)
    try:
        yield
    finally:
        _redirect(before)
        for number in before:
            os.close(number)
        with suppress(OSError):
            sys.stdout.write(output.read_text("utf-8", "replace"))
            sys.stdout.flush()


def append_to_run_log(output: Path, folder: RunFolder) -> None:
    """Append the output to the run's log, in case the server never comes back."""
    _flush()
    if not folder.plan.is_file():
        return
    with suppress(OSError), output.open("rb") as source, (folder.logs / LOG).open("ab") as target:
        shutil.copyfileobj(source, target)


def print_line(text: str) -> None:
    """Print a line with the time of day."""
    print(f"{time.strftime('%H:%M:%S')}  {text}", flush=True)  # noqa: T201


def _redirect(handles: list[int]) -> None:
    _flush()
    for number, handle in zip((1, 2), handles, strict=True):
        os.dup2(handle, number)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
