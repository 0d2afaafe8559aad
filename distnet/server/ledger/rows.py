"""Convert records to rows and back; statements that both databases have."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection, Executable, Row, Table
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

INSERTS: dict[str, Any] = {"sqlite": sqlite_insert, "postgresql": postgresql_insert}
CHUNK = 1000  # names in one query: far below the limit of parameters of both databases
LARGEST = 2**63 - 1  # of an integer column

R = TypeVar("R")
K = TypeVar("K", str, int)


def to_row(record: "DataclassInstance") -> dict[str, Any]:
    """Convert a record to a row; its fields have the names of the columns."""
    return {name: getattr(record, name) for name in _names(type(record))}


def from_row(kind: type[R], row: Row[Any]) -> R:
    """Convert a row to a record."""
    return kind(**row._asdict())


def upsert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert whole rows; existing rows with the same primary key are replaced."""
    if rows:
        tx.execute(_upsert(tx.dialect.name, table), rows)


def insert_if_new(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, except those whose primary key exists."""
    if rows:
        tx.execute(_insert_if_new(tx.dialect.name, table), rows)


def chunks(names: Iterable[K]) -> Iterator[list[K]]:
    """Split names or numbers, each once, into lists that fit into one query."""
    every = list(dict.fromkeys(names))
    for start in range(0, len(every), CHUNK):
        yield every[start : start + CHUNK]


@cache
def _names(kind: "type[DataclassInstance]") -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@cache  # compiling a statement takes longer than running it
def _upsert(dialect: str, table: Table) -> Executable:
    statement = INSERTS[dialect](table)
    keys = [column.name for column in table.primary_key]
    others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in keys}
    upsert: Executable = statement.on_conflict_do_update(index_elements=keys, set_=others)
    return upsert


@cache
def _insert_if_new(dialect: str, table: Table) -> Executable:
    insert: Executable = INSERTS[dialect](table).on_conflict_do_nothing()
    return insert
