"""Own modules imported a second time, beside those that are in use.

The second ones lack whatever the first have gathered in variables, classes and caches.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import ModuleType

from distnet.spec.code.importer import OwnPackage


class FreshModules:
    """The second modules of some packages; imported when they are first needed.

    Args:
        packages: whose modules.
    """

    def __init__(self, packages: Sequence[OwnPackage]) -> None:
        self._packages = packages
        self._modules: dict[str, ModuleType] = {}

    @property
    def modules(self) -> tuple[ModuleType, ...]:
        """Those that have been imported so far."""
        return tuple(self._modules.values())

    @contextmanager
    def used(self) -> Iterator[None]:
        """Let imports of own code find these modules; afterwards, the others again."""
        others = _take_out(self._packages)
        _put_back(self._modules)
        try:
            yield
        finally:
            self._modules = _take_out(self._packages)
            _put_back(others)


def own_modules(packages: Sequence[OwnPackage]) -> tuple[ModuleType, ...]:
    """The modules of these packages that are in use."""
    return tuple(_modules_of(packages).values())


def _modules_of(packages: Sequence[OwnPackage]) -> dict[str, ModuleType]:
    names = (name for package in packages for name in package.modules if name in sys.modules)
    return {name: sys.modules[name] for name in names}


def _take_out(packages: Sequence[OwnPackage]) -> dict[str, ModuleType]:
    """Take the modules of some packages out of `sys.modules`, but not the packages themselves."""
    found = _modules_of(packages)
    for name in found:
        del sys.modules[name]
        package, _, child = name.rpartition(".")
        if package in sys.modules:
            vars(sys.modules[package]).pop(child, None)
    return found


def _put_back(modules: Mapping[str, ModuleType]) -> None:
    sys.modules.update(modules)
    for name, module in modules.items():
        package, _, child = name.rpartition(".")
        if package in sys.modules:
            setattr(sys.modules[package], child, module)
