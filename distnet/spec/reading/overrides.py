"""Change a job from the command line: `--set train.epochs=3`."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from os import PathLike, fspath
from typing import Any

from distnet.errors import JobFileError
from distnet.spec.reading.faults import FaultsError, shortened
from distnet.spec.reading.scalars import plain
from distnet.spec.reading.yaml import Value, read_yaml

COMMENT = re.compile(r"(?:^|(?<=\s))#")
"""Begins a comment in YAML, unless it is in quotes."""
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.]{0,60}")
"""A value that needs no parser: in YAML it is one word as it stands."""
# Only one of the two may be in a job, so giving one replaces the other.
REPLACES: dict[tuple[str, ...], tuple[str, ...]] = {
    ("train", "steps"): ("train", "epochs"),
    ("train", "epochs"): ("train", "steps"),
}


Overrides = Sequence[str] | Mapping[str, Any]
"""As Python has them: `["train.epochs=3"]`, or `{"train.epochs": 3}`."""


CACHED = 64
"""Each is read several times in a row; they may be long."""


@dataclass(frozen=True)
class Override:
    """One `--set`: its text as given, the key, and the value as in a job file."""

    text: str
    key: tuple[str, ...]
    value: Value


def as_texts(overrides: Overrides) -> tuple[str, ...]:
    """Write overrides as the texts that `read_override` reads; one text alone is one override.

    Raises:
        JobFileError: a value is nothing that a job file can hold.
    """
    if isinstance(overrides, Mapping):
        return tuple(f"{key}={_as_yaml(key, value)}" for key, value in overrides.items())
    return (overrides,) if isinstance(overrides, str) else tuple(overrides)


def _as_yaml(key: str, value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError):
        raise JobFileError(
            f"{key}: found {shortened(repr(value))}, expected what a job file can hold: a text, a "
            "number, true or false, null, or lists and dicts of them"
        ) from None


def _plain(value: Any) -> Any:
    """The plain value of a path, or of a number of NumPy or torch."""
    if isinstance(value, PathLike):
        return fspath(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(type(value).__name__)


@lru_cache(maxsize=CACHED)
def read_override(text: str) -> Override:
    """Read `key.of.section=value`.

    Raises:
        JobFileError: it does not have that form, the value is not YAML, or a comment cuts it.
    """
    dotted, equals, value = text.partition("=")
    key = tuple(part.strip() for part in dotted.split("."))
    if not equals or not all(key) or not value.strip():
        wrong = "found no key and value, expected KEY=VALUE such as train.epochs=3"
        raise JobFileError(f"--set {shortened(text)}: {wrong}")
    if word := WORD.fullmatch(value):
        return Override(text, key, plain(word[0]))
    try:
        document = read_yaml(value)
    except FaultsError as error:
        messages = "; ".join(fault.message for fault in error.faults)
        raise JobFileError(f"--set {shortened(text)}: {messages}") from None
    if (at := _find_comment(value, document.value)) is not None:
        wrong = f"found `#` at character {len(dotted) + at + 2}, which begins a comment in YAML"
        raise JobFileError(f"--set {shortened(text)}: {wrong}; put the value in quotes")
    return Override(text, key, document.value)


def apply(changes: Iterable[Override], sections: dict[str, Value]) -> dict[str, Value]:
    """Return the sections of a job file with all changes made; the argument stays unchanged.

    Raises:
        JobFileError: a list has no such item.
    """
    changes = list(changes)
    changed: Value = sections
    for change in changes:
        changed = _without(changed, REPLACES.get(change.key))
    for change in changes:
        try:
            changed = _with(changed, change.key, change.value)
        except IndexError as error:
            raise JobFileError(f"--set {shortened(change.text)}: {error}") from None
    assert isinstance(changed, dict)
    return changed


def _find_comment(text: str, value: Value) -> int | None:
    """The position of a comment: without it, and what follows, the text has the same value."""
    for match in COMMENT.finditer(text):
        try:
            if read_yaml(text[: match.start()]).value == value:
                return match.start()
        except FaultsError:
            continue  # in quotes, which are not closed before it
    return None


def _with(value: Value, key: tuple[str, ...], new: Value) -> Value:
    if not key:
        return new
    first, rest = key[0], key[1:]
    if isinstance(value, tuple):
        i = int(first) if re.fullmatch("0|[1-9][0-9]{0,8}", first) else len(value)
        if i >= len(value):
            has = f"the items 0 to {len(value) - 1}" if value else "no items"
            raise IndexError(f"found `{shortened(first)}` for an item of a list that has {has}")
        return (*value[:i], _with(value[i], rest, new), *value[i + 1 :])
    section = value if isinstance(value, dict) else {}
    return section | {first: _with(section.get(first), rest, new)}


def _without(value: Value, key: tuple[str, ...] | None) -> Value:
    if key is None or not isinstance(value, dict) or key[0] not in value:
        return value
    if len(key) == 1:
        return {name: below for name, below in value.items() if name != key[0]}
    return value | {key[0]: _without(value[key[0]], key[1:])}
