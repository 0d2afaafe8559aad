"""The audit log: refused requests are recorded as events, at a limited rate."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from distnet.protocol.errors import ServerError, UnavailableError
from distnet.server.http.guard.connections import network_of
from distnet.server.http.guard.rate_limit import RateLimiter
from distnet.server.users.users import Caller, Users

ANONYMOUS = "(nobody)"
"""The actor of requests without a user; names of users have no brackets."""
BURST = 20
LONGEST_TEXT = 1000

logger = logging.getLogger(__name__)


class AuditLog:
    """Records requests that were refused because of their token, role or origin."""

    def __init__(self, users: Users, *, per_s: float) -> None:
        self._users = users
        self._limiter = RateLimiter(per_s, burst=BURST)

    async def record(self, scope: Scope, caller: Caller | None, error: ServerError) -> None:
        """Record a refused request, unless too many of its sender were recorded just now."""
        address = address_of(scope)
        actor = caller.user.name if caller else ANONYMOUS
        if self._limiter.take(actor if caller else address) > 0:
            return
        text = f"{scope['method']} {scope['path']!r:.200} from {address}: {error.code}: {error}"
        try:
            await run_in_threadpool(self._users.note, "denied", actor, text[:LONGEST_TEXT])
        except UnavailableError:
            logger.warning("refused, and the ledger cannot be reached: %s", text)


def address_of(scope: Scope) -> str:
    """The IP address of the connection of a request; for IPv6 its /64 network."""
    return network_of(str((scope.get("client") or ("unknown", 0))[0]))
