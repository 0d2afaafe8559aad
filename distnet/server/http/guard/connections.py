"""Whose each open connection is, so that nobody has those of others.

A connection belongs to an address of strangers until a request on it has shown a token; then to a
user or an attempt. Each of the three kinds has a number of connections of its own: strangers cannot
crowd out users, nor users the reports of attempts.

A user who has too many gets no new ones. Of strangers, the one that has been there longest loses
its connection to the newest: a client sends its request within milliseconds, so there is always
room for a request for the health. Those on which a request is being served are passed over.
"""

from typing import Any, Protocol

from distnet.protocol.errors import ServerError, TooManyError
from distnet.server.settings import Limits

PASSED_OVER = 32
"""Connections in use before one of them is closed: whoever sends bodies slowly may have many."""


class TooManyConnectionsError(TooManyError):
    """All connections of a user, an attempt or an address are in use."""

    code = "too_many_connections"
    wait_s = 1.0


class TooMuchUnreadError(TooManyError):
    """A client asks for more while it does not read what it has."""

    code = "too_much_unread"
    wait_s = 5.0


class Connection(Protocol):
    """An open connection."""

    @property
    def is_idle(self) -> bool:
        """Whether no request is being served."""
        ...

    @property
    def num_unsent(self) -> int:
        """Bytes of responses that the other end has not read yet."""
        ...

    def refuse(self, error: ServerError) -> None:
        """Say why, if a request has begun, and close it."""
        ...


class Pool:
    """The connections of one kind of owners.

    Args:
        what: the kind, as in messages and in the key of the setting.
        most: connections together.
        most_each: of one owner.
        newest_wins: whether the oldest connection is closed for the newest.
    """

    def __init__(self, what: str, most: int, most_each: int, *, newest_wins: bool = False) -> None:
        self._what = what
        self._most, self._most_each = most, most_each
        self._newest_wins = newest_wins
        self._owners: dict[Connection, str] = {}
        self._owned: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        """The number of connections."""
        return len(self._owners)

    def owner(self, connection: Connection) -> str | None:
        """Whose a connection is; None if it is not of this kind."""
        return self._owners.get(connection)

    def add(self, connection: Connection, owner: str) -> None:
        """Let an owner have a connection.

        Raises:
            TooManyConnectionsError: it has too many, or all of the kind have.
        """
        own = self._owned.get(owner, {})
        if len(own) >= self._most_each:
            what = f"{self._most_each:,} connections of {self._what} {owner}"
            self._full(own, f"{what} at once (limits.connections_per_{self._what})")
        elif len(self._owners) >= self._most:
            what = f"{self._most:,} connections of this kind, {self._what},"
            self._full(self._owners, f"{what} at once (a part of limits.connections)")
        self.remove(connection)
        self._owners[connection] = owner
        self._owned.setdefault(owner, {})[connection] = None

    def remove(self, connection: Connection) -> None:
        """Forget a connection, if it is of this kind."""
        owner = self._owners.pop(connection, None)
        if owner is None:
            return
        own = self._owned[owner]
        del own[connection]
        if not own:
            del self._owned[owner]

    def _full(self, oldest_first: dict[Connection, Any], found: str) -> None:
        error = TooManyConnectionsError(f"found more than {found}; close some, or try again")
        if not self._newest_wins:
            raise error
        for _ in range(min(len(oldest_first), PASSED_OVER)):
            oldest = next(iter(oldest_first))
            if oldest.is_idle:
                break
            oldest_first[oldest] = oldest_first.pop(oldest)
        self.remove(oldest)
        oldest.refuse(error)


class Connections:
    """All connections, by their owners; used by one event loop."""

    def __init__(self, limits: Limits) -> None:
        self.unread: set[Connection] = set()
        """Those with so many bytes of unread responses that asyncio pauses writing."""
        self._most_unread = limits.unread_bytes
        some = limits.connections // 4
        self.strangers = Pool("address", some, limits.connections_per_address, newest_wins=True)
        self.users = Pool("user", 2 * some, limits.connections_per_user)
        self.attempts = Pool("attempt", some, limits.connections_per_attempt)
        self._pools = (self.strangers, self.users, self.attempts)

    def claim(self, connection: Connection, pool: Pool, owner: str) -> None:
        """Let a connection belong to an owner from now on.

        Raises:
            TooManyConnectionsError: it has too many.
            TooMuchUnreadError: it does not read what it has got.
        """
        self._require_read(pool, owner)
        if pool.owner(connection) == owner:
            return
        pool.add(connection, owner)
        for other in self._pools:
            if other is not pool:
                other.remove(connection)

    def counts(self) -> dict[str, int]:
        """Count the open connections of each kind."""
        kinds = {"address": self.strangers, "user": self.users, "attempt": self.attempts}
        return {kind: len(pool) for kind, pool in kinds.items()}

    def close(self, connection: Connection) -> None:
        """Forget a connection."""
        self.unread.discard(connection)
        for pool in self._pools:
            pool.remove(connection)

    def _require_read(self, pool: Pool, owner: str) -> None:
        unread = sum(one.num_unsent for one in self.unread if pool.owner(one) == owner)
        if unread > self._most_unread:
            raise TooMuchUnreadError(
                f"{owner} has over {self._most_unread / 1e6:g} MB of responses that were not read "
                "(limits.unread); read them first"
            )


def network_of(host: str) -> str:
    """Whose an IP address is: itself, for IPv6 its /64 network."""
    return ":".join(host.split(":")[:4]) + "::/64" if host.count(":") > 3 else host
