"""Whose each open connection is, so that nobody takes the place of others.

A connection belongs to an address of strangers until a request on it has shown a token; then to a
user or an attempt. The three kinds have places of their own: strangers cannot crowd out users, nor
users the reports of attempts, and there is always room for a request for the health.

When the places of strangers are taken, the newest connection gets the place of the oldest: a client
sends its request within milliseconds, whoever waits longer has least to lose. Those of users and
attempts lose their place only between requests.
"""

from collections.abc import Iterable
from typing import Protocol

from distnet.protocol.errors import ServerError, TooManyError
from distnet.server.settings import Limits


class TooManyConnectionsError(TooManyError):
    """All connections of a user, an attempt or an address are in use."""

    code = "too_many_connections"
    wait_s = 1.0


class Connection(Protocol):
    """An open connection."""

    @property
    def is_idle(self) -> bool:
        """Whether it is between two requests."""
        ...

    def refuse(self, error: ServerError) -> None:
        """Say why, if a request has begun, and close it."""
        ...


class Pool:
    """The places of one kind of owners.

    Args:
        what: the kind, as in messages and in the key of the setting.
        most: connections together.
        most_each: of one owner.
        is_strict: whether a connection keeps its place while it is served.
    """

    def __init__(self, what: str, most: int, most_each: int, *, is_strict: bool) -> None:
        self._what = what
        self._most, self._most_each = most, most_each
        self._is_strict = is_strict
        self._owners: dict[Connection, str] = {}
        self._owned: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._owners)

    def owner(self, connection: Connection) -> str | None:
        """Whose a connection is; None if it has no place here."""
        return self._owners.get(connection)

    def add(self, connection: Connection, owner: str) -> None:
        """Give a connection a place, that of another one if there is none.

        Raises:
            TooManyConnectionsError: all others are in use.
        """
        own = self._owned.get(owner, {})
        if len(own) >= self._most_each:
            what = f"{self._most_each:,} connections of {self._what} {owner}"
            self._replace(own, f"{what} at once (limits.connections_per_{self._what})")
        elif len(self._owners) >= self._most:
            what = f"{self._most:,} connections of this kind, {self._what},"
            self._replace(self._owners, f"{what} at once (a part of limits.connections)")
        self.remove(connection)
        self._owners[connection] = owner
        self._owned.setdefault(owner, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """Free the place of a connection, if it has one."""
        owner = self._owners.pop(connection, None)
        if owner is None:
            return
        own = self._owned[owner]
        del own[connection]
        if not own:
            del self._owned[owner]

    def _replace(self, candidates: Iterable[Connection], found: str) -> None:
        error = TooManyConnectionsError(f"found more than {found}; close some, or try again")
        oldest = next((one for one in candidates if one.is_idle or not self._is_strict), None)
        if oldest is None:
            raise error
        self.remove(oldest)
        oldest.refuse(error)


class Connections:
    """The places of all connections; used by one event loop."""

    def __init__(self, limits: Limits) -> None:
        some = limits.connections // 4
        self.strangers = Pool("address", some, limits.connections_per_address, is_strict=False)
        self.users = Pool("user", 2 * some, limits.connections_per_user, is_strict=True)
        self.attempts = Pool("attempt", some, limits.connections_per_attempt, is_strict=True)
        self._pools = (self.strangers, self.users, self.attempts)

    def claim(self, connection: Connection, pool: Pool, owner: str) -> None:
        """Let a connection belong to an owner from now on.

        Raises:
            TooManyConnectionsError: all connections of that owner are in use.
        """
        if pool.owner(connection) == owner:
            return
        pool.add(connection, owner)
        for other in self._pools:
            if other is not pool:
                other.remove(connection)

    def close(self, connection: Connection) -> None:
        """Forget a connection."""
        for pool in self._pools:
            pool.remove(connection)


def network_of(host: str) -> str:
    """Whose an IP address is: itself, for IPv6 its /64 network."""
    return ":".join(host.split(":")[:4]) + "::/64" if host.count(":") > 3 else host
