"""Which files beside it a user's file imports, directly and through others.

Imports of a computed name, such as `import_module(f"models.{name}")`, take in all of the package;
so does a package that lists its own modules. What is installed elsewhere is not own code.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from distnet.spec.code.imports import Imports, Statement, read_imports
from distnet.spec.code.search import find_module, find_own, search_of

Dotted = tuple[str, ...]
MOST_MODULES = 10_000


@dataclass(frozen=True)
class Module:
    """A module beside the user's file."""

    path: Path
    package: Dotted
    """The package that its relative imports are relative to."""


def imported_files(file: Path, folder: Path) -> list[Path]:
    """List the files that `file` imports from beside it or from the job file's `folder`.

    Args:
        file: the user's file, absolute.
        folder: that of the job file, absolute.
    """
    return [module.path for module in _Graph(file, folder).modules.values()]


class _Graph:
    """The modules that were reached from one file."""

    def __init__(self, file: Path, folder: Path) -> None:
        self.modules: dict[Path, Module] = {}
        self._search = search_of(file, folder)
        self._file = file
        self._waiting = [Module(file, self._search.package)]
        if self._search.is_package:
            self._add(self._find(self._search.package))
        while self._waiting and len(self.modules) <= MOST_MODULES:
            self._follow(self._waiting.pop())

    def _follow(self, module: Module) -> None:
        found = read_imports(_source(module.path))
        for statement in found.statements:
            for dotted in self._targets(statement, module.package):
                self._add(self._find(dotted))
        for package in self._whole_packages(found, module):
            self._add(self._below(package))

    def _add(self, modules: Iterator[Module]) -> None:
        for module in modules:
            if module.path != self._file and module.path not in self.modules:
                self.modules[module.path] = module
                self._waiting.append(module)

    def _targets(self, statement: Statement, package: Dotted) -> Iterator[Dotted]:
        """The dotted names that a statement may import; the last may not be a module."""
        ups = statement.level - 1
        if ups > len(package):
            return
        base = package[: len(package) - ups] if statement.level else ()
        base += tuple(statement.module.split(".")) if statement.module else ()
        yield base
        for name in statement.names:
            yield from ((*base, each) for each in self._exports(base) if name == "*")
            yield (*base, name)

    def _exports(self, package: Dotted) -> list[str]:
        *_, last = [None, *self._find(package)]
        return read_imports(_source(last.path)).exported if last is not None else []

    def _whole_packages(self, found: Imports, module: Module) -> Iterator[Dotted]:
        yield from (tuple(package.split(".")) for package in found.packages)
        if found.is_computed and module.package:
            yield module.package

    def _find(self, dotted: Dotted) -> Iterator[Module]:
        """The modules that an import of `a.b.c` executes: a, a.b and a.b.c, as far as they exist.

        A folder without `__init__.py` is a package without a file.
        """
        for depth, spec in enumerate(self._specs(dotted), start=1):
            if spec.origin is not None:
                is_package = spec.submodule_search_locations is not None
                yield Module(Path(spec.origin), dotted[: depth if is_package else depth - 1])

    def _specs(self, dotted: Dotted) -> Iterator[ModuleSpec]:
        last = [self._search.last] if self._search.is_package else []
        spec = find_own(dotted[0], self._search.folders, last) if dotted else None
        for name in (*dotted[1:], ""):
            if spec is None:
                return
            yield spec
            folders = spec.submodule_search_locations
            spec = find_module(name, folders) if name and folders else None

    def _below(self, package: Dotted) -> Iterator[Module]:
        """All modules of a package and of the packages in it."""
        specs = list(self._specs(package))
        yield from self._find(package)
        whole = bool(package) and len(specs) == len(package)
        for folder in (specs[-1].submodule_search_locations or ()) if whole else ():
            for path in sorted(Path(folder).rglob("*.py")):
                inside = path.relative_to(folder).parent.parts
                if not any(part.startswith(".") for part in inside):
                    yield Module(path, package + inside)


def _source(path: Path) -> bytes:
    """The text of a Python file; nothing for one that cannot be read, or is compiled."""
    try:
        return path.read_bytes() if path.suffix == ".py" else b""
    except OSError:
        return b""
