"""What a ledger needs of a database; `sqlite.py` and `postgresql.py` provide it."""

from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Engine


class Lead(Protocol):
    """The right to be the only server of a ledger. It ends with the process that has it."""

    def take(self) -> bool:
        """Take the lead; returns False if another process has it."""
        ...

    def is_held(self) -> bool:
        """Whether this process still has the lead."""
        ...

    def release(self) -> None:
        """Release the lead; does nothing without it."""
        ...


@dataclass(frozen=True, slots=True)
class Database:
    """An open database."""

    name: str
    """For messages; without a password."""
    writer: Engine
    """One connection, kept open; its transactions exclude all other writers."""
    reader: Engine
    """Several connections; a transaction sees the ledger as it was at its start, and only reads."""
    lead: Lead
