"""Turn pydantic's errors into faults that name the key as it was written."""

from difflib import get_close_matches
from itertools import chain
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, Tag, ValidationError
from pydantic_core import ErrorDetails

from distnet.spec.reading.faults import (
    MAX_FAULTS,
    Fault,
    Key,
    KeyFaultError,
    dotted,
    found,
    shortened,
    unknown,
)

EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a smaller number",
    "float_parsing": "a number",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "none_required": "nothing",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a section",
    "model_type": "a section",
    "model_attributes_type": "a section",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number of at least {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number of at most {le}",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "needs_python_object": "an option whose annotation is text, a number, a list or a dict",
    "callable_type": "an option whose annotation is text, a number, a list or a dict",
    "enum": "{expected}",
    "string_too_long": "text of at most {max_length} characters",
    "string_too_short": "text of at least {min_length} characters",
    "too_long": "a list of at most {max_length}",
    "too_short": "a list of at least {min_length}",
    "string_pattern_mismatch": "text that matches {pattern}",
}

MOST_GUESSES = 2
"""A key in more sections than this, such as `kind`, may have been meant for any of them."""


def faults_of(error: ValidationError, model: type[BaseModel]) -> list[Fault]:
    """List the faults of a `model` that did not validate, in pydantic's order.

    Those beyond `MAX_FAULTS` have no message: finding what was meant takes a while.
    """
    wordings: dict[tuple[Key, str], list[str]] = {}
    errors = error.errors()
    for details in errors[:MAX_FAULTS]:
        key, what, wanted = _wording(details, model)
        wordings.setdefault((key, what), []).extend(wanted)
    faults = [_fault(key, what, wanted) for (key, what), wanted in wordings.items()]
    if len(errors) > MAX_FAULTS:
        faults += [Fault((), "")] * (len(errors) - len(faults))
    return faults


def first_fault(error: ValidationError, *, is_text: bool = False) -> str:
    """Write the first fault of a value that did not validate: `found ..., expected ...`.

    Args:
        error: pydantic's.
        is_text: whether everything is text, as on a command line: a value is written as typed.
    """
    details = error.errors()[0]
    value, context = details["input"], details.get("ctx", {})
    match details["type"]:
        case "missing":
            return "found nothing, expected a value"
        case "extra_forbidden":
            return "found an unknown key"
        case "json_invalid":
            return f"invalid JSON: {context['error']}"
        case "union_tag_not_found":
            return f"found no {context['discriminator']}"
        case "value_error" if not str(context["error"]).startswith("expected "):
            return str(context["error"])
    shown = shortened(str(value)) if is_text else found(value)
    return f"found {shown}, expected {expected(details)}"


def first_damage(error: ValidationError, *parents: str | int) -> str:
    """Write the first fault of a damaged file with its key: `epochs.0.loss: found ...`.

    Args:
        error: pydantic's.
        parents: the keys above what did not validate.
    """
    key = (*parents, *error.errors()[0]["loc"])
    return f"{dotted(key) if key else 'the top'}: {first_fault(error)}"


def expected(error: ErrorDetails) -> str:
    """What one error of pydantic's says was expected."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in EXPECTED:
        return EXPECTED[kind].format(**context)
    said = str(context["error"]) if kind == "value_error" else error["msg"]
    return said.removeprefix("Input should be ").removeprefix("expected ")


def _fault(key: Key, what: str, wanted: list[str]) -> Fault:
    # The branches of a union each expect something else: one fault names them all.
    choices = " or ".join(dict.fromkeys(wanted))
    return Fault(key, f"{what}, expected {choices}" if wanted else what)


def _wording(error: ErrorDetails, model: type[BaseModel]) -> tuple[Key, str, list[str]]:
    key, here = _follow(error["loc"], model)
    value, context = error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing":
            return _missing(key)
        case "extra_forbidden":
            section = _follow(error["loc"][:-1], model)[1]
            return key, _unknown_key(key, section, model), []
        case "union_tag_not_found" | "union_tag_invalid":
            return _kind((*key, "kind"), value.get("kind"), list(_branches(here)))
        case "value_error":
            return _raised(key, value, context["error"])
    return key, f"found {found(value)}", [expected(error)]


def _unknown_key(key: Key, section: Any, model: type[BaseModel]) -> str:
    """Say that a key is unknown, and in which other sections there is one of its name."""
    name = str(key[-1])
    meant = name if len(key) > 1 else _nearest(name, model)
    elsewhere = [path for path in _paths(meant, model) if path != dotted(key)]
    if 0 < len(elsewhere) <= MOST_GUESSES:
        guesses = " or ".join(f"`{path}`" for path in elsewhere)
        return f"found unknown key `{shortened(name)}`, did you mean {guesses}?"
    return unknown("key", name, _keys(section))


def _missing(key: Key) -> tuple[Key, str, list[str]]:
    *section, name = key
    if isinstance(name, int):
        return tuple(section), f"found a list of {name}", ["a longer one"]
    return key, f"found no `{name}`, which is required", []


def _kind(key: Key, kind: object, known: list[str]) -> tuple[Key, str, list[str]]:
    if isinstance(kind, str):
        return key, unknown("kind", kind, known), []
    return key, f"found {found(kind)}", [f"one of: {', '.join(known)}"]


def _raised(key: Key, value: object, error: ValueError) -> tuple[Key, str, list[str]]:
    message = str(error)
    if isinstance(error, KeyFaultError):
        return (*key, *error.key), message, []
    if message.startswith("expected "):
        return key, f"found {found(value)}", [message.removeprefix("expected ")]
    return key, message, []


def _follow(location: Key, model: type[BaseModel]) -> tuple[Key, Any]:
    """Follow pydantic's location down the types, without the names of unions' branches."""
    key: Key = ()
    here: Any = model
    for part in location:
        branches = _branches(here)
        if branches:
            here = branches.get(str(part))
        elif part != "[key]":  # pydantic's mark: what is wrong is the key itself
            key, here = (*key, part), _below(here, part)
    return key, here


def _below(annotation: Any, part: str | int) -> Any:
    annotation = _bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return next((f.annotation for name, f in fields if part in (name, f.alias)), None)
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    items = [item for item in get_args(annotation) if item is not Ellipsis]
    return items[min(part, len(items) - 1)] if items and isinstance(part, int) else None


def _branches(annotation: Any) -> dict[str, Any]:
    """Name the branches of a union as pydantic does; empty if the type is not a union."""
    annotation = _bare(annotation)
    if get_origin(annotation) not in (Union, UnionType):
        return {}
    return {_branch_name(member): member for member in get_args(annotation)}


def _branch_name(member: Any) -> str:
    for mark in getattr(member, "__metadata__", ()):
        if isinstance(mark, Tag):
            return mark.tag
    fields = getattr(_bare(member), "model_fields", {})
    return str(get_args(fields["kind"].annotation)[0]) if "kind" in fields else str(member)


def _bare(annotation: Any) -> Any:
    """Strip `Annotated`, and `None` beside a single type."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        members = [member for member in get_args(annotation) if member is not NoneType]
        return _bare(members[0]) if len(members) == 1 else annotation
    return annotation


def _paths(name: str, model: type[BaseModel]) -> list[str]:
    """The keys called `name` in the sections of a model: `train.epochs`."""
    return [
        dotted((section, name))
        for section, field in model.model_fields.items()
        if name in _keys_below(field.annotation)
    ]


def _nearest(name: str, model: type[BaseModel]) -> str:
    """The name most like `name` among the keys of a model and of its sections, or itself."""
    below = [_keys_below(field.annotation) for field in model.model_fields.values()]
    nearest = get_close_matches(name, {*_keys(model), *chain(*below)}, n=1)
    return nearest[0] if nearest else name


def _keys_below(annotation: Any) -> list[str]:
    """The keys of a section, whatever its kind."""
    return [key for kind in (annotation, *_branches(annotation).values()) for key in _keys(kind)]


def _keys(section: Any) -> list[str]:
    fields = getattr(_bare(section), "model_fields", {})
    return [field.alias or name for name, field in fields.items()]
