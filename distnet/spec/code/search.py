"""Find the modules that own code imports from beside it, in the way of Python itself.

The importer and the import graph both search here, so a copy has what an import finds.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import find_spec

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


def find_own(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Find a top-level module beside the user's file; None if Python has it from elsewhere.

    As for a script, files beside it come first, and a folder without `__init__.py` comes last.
    """
    if name in NEVER_OWN:
        return None
    spec = find_module(name, folders)
    if spec is not None and spec.loader is None and _is_installed(name):
        return None
    return spec


def search_folders(file: str, folder: str) -> list[str]:
    """Where the user's file `file` finds its imports: beside it, then in the job file's folder."""
    beside = file.rpartition("/")[0]
    return [beside] if beside == folder else [beside, folder]


def _is_installed(name: str) -> bool:
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):  # a module without a spec is there all the same
        return name in sys.modules
    return spec is not None and spec.origin is not None
