"""Packages that only some jobs need; each comes with an extra of distnet."""

from importlib import import_module
from typing import Any

from distnet.errors import UnknownPartError


def require_extra(module: str, *, extra: str, what: str) -> Any:
    """Import a package that distnet is installed without, unless its extra was named.

    Args:
        module: the package, as it is imported.
        extra: the extra of distnet that brings it.
        what: what needs it, such as `task detect`.

    Raises:
        UnknownPartError: it is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name != top:
            raise
        raise UnknownPartError(
            f"{what} needs the package {top}, which is not installed; "
            f"install it with: pip install 'distnet[{extra}]'"
        ) from None
