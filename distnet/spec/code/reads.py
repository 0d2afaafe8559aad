"""The files that own code opens by itself, as Python's audit events show them.

Code may read a file through a path that is absolute, or relative to the current folder: then it
reads what is there now, and not the copy that a run keeps.
"""

import inspect
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from distnet.spec.code.importer import is_own_name, loaded_packages

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT
COMPILED = (".pyc", ".so")
SYSTEM = ("/dev/", "/proc/", "/sys/")
_watched: list[set[str]] = []
"""The sets that are filled now; one hook serves all, because a hook cannot be removed."""


@contextmanager
def watched_reads() -> Iterator[set[str]]:
    """Within the context, add the path of each file that own code opens for reading to a set.

    The files of copies are left out.
    """
    paths = set[str]()
    _add_hook()
    _watched.append(paths)
    try:
        yield paths
    finally:
        _watched.remove(paths)
        copies = tuple(f"{package.folder}/" for package in loaded_packages())
        paths -= {path for path in paths if path.startswith((*copies, *SYSTEM))}


@cache
def _add_hook() -> None:
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open" or not _watched:
        return
    path, _, flags = arguments
    if isinstance(path, str | bytes | os.PathLike) and not flags & WRITES and _is_own_call():
        name = os.path.abspath(os.fsdecode(path))
        if not name.endswith(COMPILED):
            _watched[-1].add(name)


def _is_own_call() -> bool:
    frame = inspect.currentframe()
    while frame is not None and not is_own_name(frame.f_code.co_filename):
        frame = frame.f_back
    return frame is not None
