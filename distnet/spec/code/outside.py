"""What own code uses from elsewhere, and what may change as easily as own code.

Modules that `PYTHONPATH`, `sys.path` and editable installations find, and files that the code opens
by itself. A run does not keep them, but their sha256.
"""

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

from distnet.spec.code.importer import current_packages
from distnet.spec.code.imports import read_imports
from distnet.spec.code.installed import is_installed

HASHED_BYTES = 100_000_000
"""Of a larger file the size is compared, and not the content."""


def outside_files(reads: Iterable[str]) -> dict[str, str]:
    """By path, the sha256 of each file that own code has used from elsewhere.

    Args:
        reads: the paths of files that it has opened.
    """
    found = {path: content for path in reads if (content := _content_of(path)) is not None}
    return dict(sorted((found | _imported()).items()))


def changed_outside(known: Mapping[str, str]) -> list[str]:
    """The paths of files that are there and are no longer what they were."""
    return [path for path, content in known.items() if _content_of(path) not in (None, content)]


def sha256_of(path: Path) -> str | None:
    """The sha256 of a file; None if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
    except OSError:
        return None


def _content_of(path: str) -> str | None:
    """What identifies the content of a file; None for one that is installed, or cannot be read."""
    if is_installed(path):
        return None
    try:
        size = os.path.getsize(path)
    except OSError:
        return None
    return sha256_of(Path(path)) if size <= HASHED_BYTES else f"{size} bytes"


def _imported() -> dict[str, str]:
    """The modules from elsewhere that own code imports, and that these import."""
    found: dict[str, str] = {}
    waiting = [
        module
        for package in current_packages()
        for path in package.loaded
        for module in _modules(Path(path), "")
        if not package.has(module.__name__.partition(".")[0])
    ]
    while waiting:
        module = waiting.pop()
        path = getattr(module, "__file__", None)
        content = None if path is None or path in found else _content_of(path)
        if path is not None and content is not None:
            found[path] = content
            waiting += _modules(Path(path), module.__package__ or "")
    return found


def _modules(path: Path, package: str) -> Iterator[ModuleType]:
    """The modules that the imports of a Python file have loaded."""
    source = path.read_bytes() if path.suffix == ".py" and path.is_file() else b""
    for statement in read_imports(source).statements:
        if statement.level and not package:  # of own code, to itself
            continue
        written = "." * statement.level + statement.module
        try:
            name = resolve_name(written, package) if statement.level else written
        except ImportError:
            continue
        for each in (*_with_parents(name), *(f"{name}.{last}" for last in statement.names)):
            if isinstance(module := sys.modules.get(each), ModuleType):
                yield module


def _with_parents(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
