"""Column types that hold the same values in SQLite and in PostgreSQL."""

import json
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Dialect, Integer, Text
from sqlalchemy.types import TypeDecorator

Number = BigInteger().with_variant(Integer(), "sqlite")
"""A key that counts up: SQLite makes it its own row number only if it is called INTEGER."""


class Words(TypeDecorator[str]):
    """Text of any origin.

    PostgreSQL takes no NUL, and neither database half a surrogate pair: they are replaced, so that
    no message of a broken attempt can keep its end from being recorded.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Clean what goes in."""
        if value is None or (value.isascii() and "\0" not in value):
            return value
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


class Choice(TypeDecorator[StrEnum]):
    """A member of an enum, kept as its text: a new member needs no change of the database."""

    impl = Text
    cache_ok = True

    def __init__(self, choices: type[StrEnum]) -> None:
        super().__init__()
        self.choices = choices

    def process_bind_param(self, value: StrEnum | None, dialect: Dialect) -> str | None:
        """Its text."""
        return None if value is None else value.value

    def process_result_value(self, value: str | None, dialect: Dialect) -> StrEnum | None:
        """The member."""
        return None if value is None else self.choices(value)


class Json(TypeDecorator[Any]):
    """A mapping or list, kept as JSON text.

    Not the databases' own JSON type: PostgreSQL's refuses the NaN of a loss, and SQLite has none.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """JSON of it, in ASCII."""
        return None if value is None else json.dumps(value, default=dict, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """What the JSON says."""
        return None if value is None else json.loads(value)
