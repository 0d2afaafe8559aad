"""Find the modules that own code imports from beside it, in the way of Python itself.

The importer and the import graph both search here, so a copy has what an import finds.

A file in a folder with `__init__.py` belongs to a package, as for `python -m`: its imports are
looked for beside the package. Any other file is a script: they are looked for beside the file.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec
from pathlib import Path

LOADERS: tuple[tuple[type, list[str]], ...] = (
    (ExtensionFileLoader, EXTENSION_SUFFIXES),
    (SourceFileLoader, SOURCE_SUFFIXES),
)
NEVER_OWN = frozenset({"distnet", *sys.builtin_module_names})


def find_module(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Find a module by its last name in the first of `folders` that has it.

    A folder without `__init__.py` counts only where no folder has a real module of that name.
    """
    portion = None
    for folder in folders:
        spec = FileFinder(folder, *LOADERS).find_spec(name)
        if spec is not None and spec.loader is not None:
            return spec
        portion = portion or spec
    return portion


@dataclass(frozen=True)
class Search:
    """Where a user's file finds what it imports."""

    root: Path
    """What its relative imports count from, at most."""
    folders: tuple[str, ...]
    """They come before what is installed."""
    last: str = ""
    """The folder of a file in a package, for names that are not installed; else empty.

    So a file that is beside it and called `types.py` is not what `import types` means.
    """
    package: tuple[str, ...] = ()
    """The dotted name of the folder of the file."""

    @property
    def is_package(self) -> bool:
        """Whether the file belongs to a package."""
        return bool(self.last)


def search_of(file: Path, folder: Path) -> Search:
    """Where a user's file finds its imports.

    Args:
        file: the user's file, absolute.
        folder: that of the job file, absolute.
    """
    beside, root = file.parent, _package_root(file, folder)
    is_package = root != beside
    if not is_package and file.is_relative_to(folder):
        root = folder
    first = root if is_package else beside
    return Search(
        root,
        tuple(dict.fromkeys((str(first), str(folder)))),
        str(beside) if is_package else "",
        beside.relative_to(root).parts,
    )


def find_own(name: str, folders: Sequence[str], last: Sequence[str] = ()) -> ModuleSpec | None:
    """Find a top-level module beside the user's file; None if Python has it from elsewhere.

    As for a script, files beside it come first. A folder without `__init__.py`, and what is in the
    folders `last`, comes after what is installed.
    """
    if name in NEVER_OWN:
        return None
    spec = find_module(name, folders)
    if spec is not None and spec.loader is not None:
        return spec
    spec = spec or find_module(name, last)
    return None if spec is None or _is_installed(name) else spec


def _package_root(file: Path, folder: Path) -> Path:
    """The folder that holds the package of a file; the file's own folder if it is in none.

    The job file's folder is never inside a package: its copies have another name.
    """
    root = file.parent
    while (root / "__init__.py").is_file() and not folder.is_relative_to(root):
        root = root.parent
    return root


def _is_installed(name: str) -> bool:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a module without a spec is there all the same
        return name in sys.modules
    return spec is not None and spec.origin is not None
