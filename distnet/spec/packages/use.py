"""Import the packages of one job in this process; those of another job are forgotten first."""

import importlib
import os
import site
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from distnet.spec.packages.overlay import Overlay, open_overlay
from distnet.spec.packages.pinned import base_folders
from distnet.spec.packages.requirements import Requirements


@dataclass(frozen=True)
class Used:
    """Packages that this process can import."""

    lines: tuple[str, ...] = ()
    """With the versions that pip chose, and the options with which pip finds them; none where the
    job needs no packages."""
    seconds: float = 0.0
    """How long they took to install; 0 where they were installed before."""


def print_progress(text: str) -> None:
    """Print a line on stderr: stdout is for results."""
    sys.stderr.write(f"{text}\n")


def use_packages(
    wanted: Requirements, folder: Path, *, say: Callable[[str], None] = print_progress
) -> Used:
    """Let this process import packages, in place of those of another job.

    Args:
        wanted: the packages; they are installed unless this machine has them.
        folder: what relative paths in their options are relative to.
        say: called with what is installed, before that begins.

    Raises:
        PackageError: they cannot be installed; the message has pip's last lines.
        PackageIndexError: the index of packages cannot be reached.
    """
    if not wanted.packages:
        _current.replace(None)
        return Used()
    installing: list[float] = []

    def begin(text: str) -> None:
        say(text)
        installing.append(time.monotonic())

    overlay = open_overlay(wanted, folder, say=begin)
    seconds = time.monotonic() - installing[0] if installing else 0.0
    _current.replace(overlay)
    return Used(overlay.lines, seconds)


class _Current:
    """The environment in use."""

    def __init__(self) -> None:
        self._overlay: Overlay | None = None
        self._added: list[str] = []

    def replace(self, overlay: Overlay | None) -> None:
        """Use another one, or none."""
        is_same = overlay and self._overlay and overlay.site == self._overlay.site
        if self._overlay is not None and not is_same:
            self._forget(self._overlay)
        if overlay is not None and not is_same:
            self._added = _add(overlay.site)
        self._overlay = overlay

    def _forget(self, overlay: Overlay) -> None:
        sys.path[:] = [path for path in sys.path if path not in self._added]
        inside = f"{overlay.site}{os.sep}"
        for name, module in list(sys.modules.items()):
            if (getattr(module, "__file__", None) or "").startswith(inside):
                del sys.modules[name]
        importlib.invalidate_caches()
        overlay.hold.close()


_current = _Current()


def _add(folder: Path) -> list[str]:
    """Add a folder of packages before those of this Python; returns what is new in `sys.path`."""
    before = list(sys.path)
    site.addsitedir(str(folder))
    added = [path for path in sys.path if path not in before]
    base = base_folders()
    first = next((i for i, path in enumerate(before) if path in base), len(before))
    sys.path[:] = [*before[:first], *added, *before[first:]]
    importlib.invalidate_caches()
    return added
