"""Column types with the same values in SQLite and in PostgreSQL."""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

Number = BigInteger().with_variant(Integer(), "sqlite")
"""An increasing key: SQLite uses it as its own row number only if its type is INTEGER."""

ENCODER = json.JSONEncoder(default=dict, separators=(",", ":"))
EMPTY: dict[type, str] = {dict: "{}", list: "[]", tuple: "[]"}
"""Most values of a new job."""


class Words(TypeDecorator[str]):
    """Text of any origin.

    PostgreSQL refuses NUL, and both databases refuse lone surrogates: they are replaced, so that
    the end of an attempt can be recorded whatever its message contains.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace characters that the databases refuse."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Choice(TypeDecorator[StrEnum]):
    """A member of an enum, stored as text: a new member needs no migration."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Convert to text."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """Convert to the member."""
        return None if value is None else self.choices(value)


class Json(TypeDecorator[Any]):
    """A mapping or list, stored as JSON text.

    Not the databases' own JSON type: PostgreSQL's refuses the NaN of a loss, and SQLite has none.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Convert to JSON, in ASCII."""
        if value is None:
            return None
        return (not value and EMPTY.get(type(value))) or ENCODER.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Convert from JSON."""
        return None if value is None else json.loads(value)
