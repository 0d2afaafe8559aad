"""Find networks and tasks by name, shipped ones and a user's own, and check their options.

A shipped kind is a module in a folder of its package: `mlp` is `distnet.networks.vectors.mlp`,
whose `__all__` holds one class. What lies beside these folders, or deeper, or begins with `_`, is
no kind. A user's own is `./mynet.py:MyNet`. The keyword-only parameters of the constructor are the
options, their annotations the types. Nothing is imported before a part is requested.
"""

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from distnet.errors import UnknownPartError
from distnet.spec.code.load import load_own_class
from distnet.spec.options import Signature, read_signature
from distnet.spec.reading.faults import Fault, FaultsError, shortened, unknown
from distnet.spec.reading.validation import faults_of
from distnet.spec.sections.optimizer import OwnOptimizer
from distnet.spec.sections.section import Part, is_own_kind

Package = Literal["networks", "tasks", "data/views", "data/samplers"]

PASSED = ("lr", "weight_decay")
"""What the constructor of an optimizer takes from keys that all optimizers have."""
DISTNET = Path(__file__).parents[1]


def kinds(package: Package) -> list[str]:
    """List the kinds that ship with distnet, without importing them."""
    return sorted(_modules(package))


def shipped_datasets() -> list[str]:
    """List the datasets that ship with distnet, by their folders."""
    return list(_shipped())


def load_part(package: Package, part: Part, *, folder: Path) -> tuple[type[Any], dict[str, Any]]:
    """Load the class that `part` names and check its options; relative files are in `folder`.

    Returns the class and the options given, as its constructor takes them.

    Raises:
        UnknownPartError: there is no such part, or it cannot be loaded.
        FaultsError: options are unknown, missing or of the wrong type; keys start at the part.
    """
    cls = load_class(package, part.kind, folder=folder)
    return cls, _checked(read_signature(cls), part.options)


def load_own_part(part: Part, *, folder: Path) -> tuple[type[Any], dict[str, Any]]:
    """The same for a part that is always the user's own: an optimizer, a schedule, a callback.

    Raises:
        UnknownPartError: there is no such class, or it cannot be loaded.
        FaultsError: options are unknown, missing or of the wrong type; keys start at the part.
    """
    cls = load_own_class(part.kind, folder=folder)
    passed = PASSED if isinstance(part, OwnOptimizer) else None
    return cls, _checked(read_signature(cls, passed), part.options)


def load_class(package: Package, kind: str, *, folder: Path) -> type[Any]:
    """Load the class of a shipped kind, or of the user's own `./file.py:Class`.

    Raises:
        UnknownPartError: there is none, or it cannot be loaded.
    """
    if is_own_kind(kind):
        return load_own_class(kind, folder=folder)
    if kind not in (shipped := kinds(package)):
        own = "; your own is written as ./file.py:Class"
        raise UnknownPartError(
            unknown(package.rpartition("/")[2].removesuffix("s"), kind, shipped) + own
        )
    module = import_module(_modules(package)[kind])
    (name,) = module.__all__
    cls: type[Any] = getattr(module, name)
    return cls


@cache
def _shipped() -> tuple[str, ...]:
    return tuple(sorted(found.parent.name for found in DISTNET.glob("data/*/manifest.json")))


@cache  # folders are not listed again for each job of a sweep
def _modules(package: Package) -> dict[str, str]:
    """The module of each kind, such as `distnet.networks.vectors.mlp`."""
    files = DISTNET.glob(f"{package}/*/[!_]*.py")
    paths = [file.relative_to(DISTNET.parent).with_suffix("") for file in files]
    return {path.name.replace("_", "-"): ".".join(path.parts) for path in paths}


def _checked(signature: Signature, options: dict[str, Any]) -> dict[str, Any]:
    positional = [
        Fault((name,), f"found `{shortened(name)}`, which {signature.name} takes by position; "
              "expected an option, which comes after `*` in its constructor")
        for name in options
        if name in signature.by_position
    ]  # fmt: skip
    given = {name: value for name, value in options.items() if name not in signature.by_position}
    try:
        # As JSON, because there a list fits `tuple[int, ...]` and `list[int]` alike.
        checked = signature.options.model_validate_json(json.dumps(given))
    except ValidationError as error:
        raise FaultsError([*positional, *faults_of(error, signature.options)]) from None
    if positional:
        raise FaultsError(positional)
    fields = signature.options.model_fields
    named = {
        str(fields[f].alias): getattr(checked, f) for f in checked.model_fields_set & set(fields)
    }
    return named | (checked.model_extra or {})
