"""Modules of Python that take the names of other modules, as own code sees them.

`importlib.import_module("layers")` means own code's `layers`, as `import layers` does. So do
`importlib.resources.files("pack")`, `pkgutil.get_data("pack", "words.txt")` and the like.
"""

import builtins
import functools
from collections.abc import Callable
from types import ModuleType
from typing import Any

RESOURCES = ("files", "read_text", "read_binary", "open_text", "open_binary", "is_resource", "path")
TAKE_NAMES: dict[str, dict[str, int]] = {
    "importlib": {"import_module": 2},
    "importlib.util": {"find_spec": 2},
    "importlib.resources": dict.fromkeys((*RESOURCES, "contents"), 1),
    "pkgutil": {"get_data": 1, "resolve_name": 1},
}
"""By module, functions and how many of their first arguments are names of modules."""
FUNCTIONS = frozenset(name for functions in TAKE_NAMES.values() for name in functions)


class OwnView(ModuleType):
    """A module whose functions find own modules too.

    Args:
        module: one of `TAKE_NAMES`.
        full_name: the name in `sys.modules` of what own code calls by a name.
    """

    def __init__(self, module: ModuleType, full_name: Callable[[str], str]) -> None:
        super().__init__(module.__name__)
        self._module, self._full_name = module, full_name

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        if isinstance(found, ModuleType) and found.__name__ in TAKE_NAMES:
            return OwnView(found, self._full_name)
        num_names = TAKE_NAMES[self.__name__].get(name, 0)
        return found if not num_names else self._translated(found, num_names)

    def _translated(self, function: Callable[..., Any], num_names: int) -> Callable[..., Any]:
        def translated(value: Any) -> Any:
            is_name = isinstance(value, str) and not value.startswith(".")
            return self._full_name(value) if is_name else value

        @functools.wraps(function)
        def call(*arguments: Any, **options: Any) -> Any:
            names = [translated(each) for each in arguments[:num_names]]
            named = {k: translated(v) if k in NAMED else v for k, v in options.items()}
            return function(*names, *arguments[num_names:], **named)

        return call


NAMED = ("name", "package", "anchor")
"""What these arguments are called."""


class Builtins(dict[str, Any]):
    """The builtins of own code: its own `__import__`, and whatever else is added to Python's."""

    def __missing__(self, name: str) -> Any:
        return vars(builtins)[name]
