"""Import own code from one folder, apart from that of every other folder.

A run is used with the copy of its code, and one process may use several runs, each with its own
`layers.py`. So the modules of a folder form a package with a name of its own, and what they import
is looked for in that package first. The import statement of own code calls the `__import__` that
its module has among its builtins; for everybody else, imports are as ever.
"""

import builtins
import hashlib
import importlib
import linecache
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from distnet.spec.code.by_name import TAKE_NAMES, Builtins, OwnView
from distnet.spec.code.installed import is_installed
from distnet.spec.code.names import shown_name
from distnet.spec.code.search import Search, find_module, find_own, search_of

PREFIX = "distnet_own_"


class OwnPackage:
    """The modules of a job file's folder, or of a copy of it.

    Args:
        name: of the package in `sys.modules`.
        folder: the job file's, or that of a copy.
        folders: where imports are looked for.
    """

    def __init__(self, name: str, folder: Path, folders: Sequence[str]) -> None:
        self.name, self.folder = name, folder
        self.loaded: dict[str, str] = {}
        """By path, the hash of the file as it was executed."""
        self.modules: dict[str, None] = {}
        """The names of the modules that were executed, in their order."""
        self._folders, self._last = tuple(folders), list[str]()
        self._is_own: dict[str, bool] = {}
        self._before, self._path_before = set(sys.modules), set(sys.path)
        self.builtins = Builtins({**vars(builtins), "__import__": self.import_})
        module = ModuleType(name)
        module.__path__ = self._path = list(folders)
        module.__spec__ = ModuleSpec(name, None, is_package=True)
        sys.modules[name] = module

    def has(self, name: str) -> bool:
        """Whether the top-level module `name` is own code."""
        if name not in self._is_own:
            self._is_own[name] = find_own(name, self._folders, self._last) is not None
        return self._is_own[name]

    def search_last(self, folder: str) -> None:
        """Look for imports in `folder` too, for names that are not installed."""
        if folder not in self._path:
            self._last.append(folder)
            self._path.append(folder)
            self._is_own.clear()

    def is_current(self) -> bool:
        """Whether all files that were executed are still as they were."""
        self._is_own.clear()
        return all(_hash_of(path) == sha256 for path, sha256 in self.loaded.items())

    def import_(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - as in builtins
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What an import statement of own code calls."""
        top = name.partition(".")[0]
        if level or not self.has(top):
            module = builtins.__import__(name, globals, locals, fromlist or (), level)
            return OwnView(module, self.full_name) if module.__name__ in TAKE_NAMES else module
        module = builtins.__import__(f"{self.name}.{name}", globals, locals, fromlist or (), 0)
        return module if fromlist else sys.modules[f"{self.name}.{top}"]

    def forget_others(self) -> None:
        """Forget what own code has added to `sys.path`, and the modules that were found there.

        Nothing else of this folder: it may be the root of a project, with a virtual environment.
        """
        added = [path for path in sys.path if self._is_added(path)]
        inside = tuple(f"{os.path.abspath(path)}{os.sep}" for path in added)
        for name in sys.modules.keys() - self._before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(inside) and not name.startswith(PREFIX):
                del sys.modules[name]
        sys.path[:] = [path for path in sys.path if path not in added]

    def _is_added(self, path: str) -> bool:
        is_inside = os.path.abspath(path).startswith(f"{self.folder}{os.sep}")
        return is_inside and path not in self._path_before and not is_installed(path)

    def full_name(self, name: str) -> str:
        """The name in `sys.modules` of what own code calls `name`."""
        return f"{self.name}.{name}" if self.has(name.partition(".")[0]) else name

    def shown(self, path: str) -> str:
        """The name of a file in tracebacks, such as `mynet.py`: the user's own, not a copy's."""
        relative = os.path.relpath(path, self.folder)
        return path if relative.startswith("..") else shown_name(relative)


_packages: dict[str, OwnPackage] = {}
"""By the name of the package."""
_newest: dict[tuple[str, ...], OwnPackage] = {}
"""By the folders that it searches."""


def import_file(path: Path, folder: Path) -> ModuleType:
    """Import a user's file: once, so that all parts of a job share its classes and its state.

    It is executed again, as is all that it imports, where a file has changed, and after `forget`.

    Args:
        path: of the file, absolute.
        folder: that of the job file, or of a copy of it; absolute.

    Raises:
        Exception: whatever the file raises.
    """
    search = search_of(path, folder)
    package = _package(search, folder)
    name = ".".join((package.name, *_dotted(path, search)))
    if search.is_package:  # as for any module, the packages that it is in are imported first
        package.search_last(search.last)
        importlib.import_module(".".join((package.name, *search.package)))
    found = sys.modules.get(name)
    if found is not None and found.__file__ == str(path):
        return found
    loader = OwnLoader(name, str(path))
    spec = spec_from_file_location(name, path, loader=loader)
    assert spec is not None, "a loader was given"
    module = module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def forget() -> None:
    """Have all own code executed anew when it is imported next, as in a new process.

    Modules may have a state of their own, such as a generator. Each use of a run begins with the
    first state, so that an attempt does not depend on what the process did before.
    """
    for package in _newest.values():
        package.forget_others()
    _newest.clear()


def loaded_packages() -> list[OwnPackage]:
    """All packages of own code in this process."""
    return list(_packages.values())


def current_packages() -> list[OwnPackage]:
    """The packages of own code that were imported since `forget`."""
    return list(_newest.values())


def packages_of(*parts: object) -> list[OwnPackage]:
    """The packages of own code to which the classes of these objects belong."""
    names = {type(part).__module__.partition(".")[0] for part in parts}
    return [package for package in loaded_packages() if package.name in names]


def is_own_name(filename: str) -> bool:
    """Whether own code appears under this name in tracebacks."""
    return filename in _shown


def _package(search: Search, folder: Path) -> OwnPackage:
    folders = search.folders
    key = (str(folder), *folders)
    if key not in _newest or not _newest[key].is_current():
        text = "\0".join((*key, str(len(_packages))))
        name = PREFIX + hashlib.sha256(text.encode()).hexdigest()[:12]
        _packages[name] = _newest[key] = OwnPackage(name, folder, folders)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    return _newest[key]


def _dotted(path: Path, search: Search) -> list[str]:
    """The name of the user's file in its package: `nets.mynet` for `nets/mynet.py`."""
    if search.is_package and path.name == "__init__.py":
        return list(search.package)
    inside = path.relative_to(search.root).with_suffix("")
    return [part.replace(".", "_") for part in inside.parts]


class OwnLoader(SourceFileLoader):
    """Executes one file of own code. Compiled code is not cached: a cache may be out of date."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the file under its own name, with its lines for tracebacks."""
        data = self.get_data(self.path)
        package = _packages[fullname.partition(".")[0]]
        package.loaded[self.path] = hashlib.sha256(data).hexdigest()
        shown = package.shown(self.path)
        _shown.add(shown)
        lines = data.decode(errors="replace").splitlines(keepends=True)
        linecache.cache[shown] = (len(data), None, lines, shown)
        return compile(data, shown, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the file; its imports are looked for in its own package first."""
        package = _packages[module.__name__.partition(".")[0]]
        package.modules[module.__name__] = None
        module.__dict__["__builtins__"] = package.builtins
        super().exec_module(module)


_shown: set[str] = set()


class _Finder(MetaPathFinder):
    """Finds the modules of own packages."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Find a module in the folders of its package."""
        if path is None or not fullname.startswith(PREFIX):
            return None
        found = find_module(fullname.rpartition(".")[2], list(path))
        if found is None or not isinstance(found.loader, SourceFileLoader):
            return found and _renamed(found, fullname)
        assert found.origin is not None, "a source has a path"
        return spec_from_file_location(
            fullname,
            found.origin,
            loader=OwnLoader(fullname, found.origin),
            submodule_search_locations=found.submodule_search_locations,
        )


_finder = _Finder()


def _renamed(found: ModuleSpec, fullname: str) -> ModuleSpec:
    """The spec of a compiled module or of a folder without `__init__.py`, in its package."""
    if found.loader is None:
        spec = ModuleSpec(fullname, None, is_package=True)
        spec.submodule_search_locations = found.submodule_search_locations
        return spec
    loader = type(found.loader)(fullname, found.origin)  # type: ignore[call-arg]
    return ModuleSpec(fullname, loader, origin=found.origin)


def _hash_of(path: str) -> str:
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""
