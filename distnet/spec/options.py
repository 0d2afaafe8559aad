"""Read the options of a part from the signature of its constructor."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from inspect import Parameter, cleandoc, signature
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model
from pydantic.errors import PydanticUserError

from distnet.errors import UnknownPartError

NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
ARGUMENTS = re.compile(r"^Args:\n(.*?)(?=^\S|\Z)", re.MULTILINE | re.DOTALL)
ARGUMENT = re.compile(r"^    (\w+): (.*?)(?=^    \w|\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Signature:
    """The parameters of a part's constructor."""

    name: str
    by_position: frozenset[str]
    """Those that distnet itself passes."""
    options: type[BaseModel]
    """The keyword-only parameters, as a model whose fields have their names as aliases."""


def read_signature(cls: type[Any], passed: Collection[str] | None = None) -> Signature:
    """Read the options of `cls` from its constructor, their descriptions from its docstring.

    Args:
        cls: the class.
        passed: names of parameters that distnet passes, beside the first one; all others are
            options. By default it passes those that can be passed by position, and options come
            after `*`.

    Raises:
        UnknownPartError: an annotation cannot be read.
    """
    try:
        parameters = list(signature(cls, eval_str=True).parameters.values())
        given = _by_position(parameters) if passed is None else _passed(parameters, passed)
        return Signature(cls.__name__, given, _model(cls, parameters, given))
    except (NameError, AttributeError, SyntaxError, TypeError, ValueError, PydanticUserError) as e:
        reason = str(e).partition("\n")[0]
        raise UnknownPartError(
            f"found a constructor of {cls.__name__} that cannot be read ({reason}), "
            "expected one whose annotations can be evaluated"
        ) from None


def described(cls: type[Any]) -> dict[str, str]:
    """Read the description of each argument from the docstring of `cls` (its `Args:`).

    Where the constructor is inherited, those of the class that has it count as well.
    """
    constructed = next(base for base in cls.__mro__ if "__init__" in vars(base))
    return _arguments(constructed) | _arguments(cls)


def _arguments(cls: type[Any]) -> dict[str, str]:
    section = ARGUMENTS.search(cleandoc(cls.__doc__ or ""))
    arguments = ARGUMENT.findall(section[1]) if section else []
    return {name: " ".join(text.split()) for name, text in arguments}


def _by_position(parameters: Iterable[Parameter]) -> frozenset[str]:
    by_position = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    return frozenset(p.name for p in parameters if p.kind in by_position)


def _passed(parameters: list[Parameter], names: Collection[str]) -> frozenset[str]:
    return frozenset(p.name for p in parameters if p is parameters[0] or p.name in names)


def _model(
    cls: type[Any], parameters: Iterable[Parameter], given: frozenset[str]
) -> type[BaseModel]:
    descriptions = described(cls)
    # Fields are numbered, with the option's name as alias: an option may have any name, but a
    # field must not be called like a method of BaseModel.
    fields: dict[str, Any] = {}
    extra: Literal["allow", "forbid"] = "forbid"
    for parameter in parameters:
        if parameter.kind is Parameter.VAR_KEYWORD:
            extra = "allow"
        if parameter.kind in NAMED and parameter.name not in given:
            description = descriptions.get(parameter.name)
            fields[f"option_{len(fields)}"] = _field(parameter, description)
    config = ConfigDict(strict=True, extra=extra, arbitrary_types_allowed=True)
    return create_model(cls.__name__, __config__=config, **fields)


def _field(parameter: Parameter, description: str | None) -> tuple[Any, Any]:
    annotation = Any if parameter.annotation is Parameter.empty else parameter.annotation
    default = ... if parameter.default is Parameter.empty else parameter.default
    return annotation, Field(default, alias=parameter.name, description=description)
