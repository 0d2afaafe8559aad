"""What a ledger needs of a database; `sqlite.py` and `postgresql.py` provide it."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine


class Lead(Protocol):
    """The right to be the one server of a ledger. It ends with the process that holds it."""

    def take(self) -> bool:
        """Take it, unless another process has it; whether this one has it now."""
        ...

    def is_held(self) -> bool:
        """Whether this process still has it."""
        ...

    def release(self) -> None:
        """Let go of it; without it, do nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """A database that is reached."""

    name: str
    """For people; without a password."""
    writer: Engine
    """One connection, kept open; a transaction on it excludes every other writer."""
    reader: Engine
    """Several; a transaction sees the ledger as it was when it began, and changes nothing."""
    lead: Lead
