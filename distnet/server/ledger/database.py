"""What a ledger needs of a database; `sqlite.py` and `postgresql.py` provide it."""

import math
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Protocol

from sqlalchemy import Connection, Engine

from distnet.protocol.errors import UnavailableError

LOCKED_S = 3.0
"""How long the write lock of another program is waited for."""
AGAIN_S = 0.01
MAX_WAITING = 4
"""Threads that wait for it; more fail at once, so that reads find a free one."""


class LockedError(UnavailableError):
    """Another program has the write lock of the database `name`; nothing was changed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"ledger {name}: cannot be used now: another program has locked it to write; nothing "
            "was changed; end that, or try again"
        )


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


class Writer:
    """One connection, kept open; its transactions exclude all other writers.

    A lock that stands for longer than `LOCKED_S` is waited for no more: it fails writes at once
    until it is gone.

    Args:
        engine: beginning a transaction raises LockedError at once if another program has the lock.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._waiting = threading.Semaphore(MAX_WAITING)
        self._locked_since = math.inf

    @contextmanager
    def begin(self, *, waits: bool = True) -> Iterator[Connection]:
        """Open a transaction, which is committed at the end.

        Args:
            waits: whether the lock of another program is waited for; the connection stays free
                meanwhile.

        Raises:
            LockedError: another program has the lock.
        """
        with ExitStack() as stack:
            try:
                tx = self._enter(stack)
            except LockedError:
                if not waits:
                    raise
                tx = self._wait(stack)
            yield tx

    def _wait(self, stack: ExitStack) -> Connection:
        is_one_of_few = self._waiting.acquire(blocking=False)
        try:
            while True:
                try:
                    return self._enter(stack)
                except LockedError:
                    is_over = time.monotonic() - self._locked_since > LOCKED_S
                    if is_over or not is_one_of_few:
                        raise
                time.sleep(AGAIN_S)
        finally:
            if is_one_of_few:
                self._waiting.release()

    def _enter(self, stack: ExitStack) -> Connection:
        try:
            tx = stack.enter_context(self.engine.begin())
        except LockedError:
            self._locked_since = min(self._locked_since, time.monotonic())
            raise
        self._locked_since = math.inf
        return tx


@dataclass(frozen=True, slots=True)
class Database:
    """An open database."""

    name: str
    """For messages; without a password."""
    writer: Writer
    reader: Engine
    """Several connections; a transaction sees the ledger as it was at its start, and only reads."""
    lead: Lead
