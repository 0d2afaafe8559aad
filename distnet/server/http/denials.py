"""What was refused for want of a right is written down, but never more than the ledger bears."""

import logging

from starlette.concurrency import run_in_threadpool
from starlette.types import Scope

from distnet.protocol.errors import ServerError, UnavailableError
from distnet.server.http.limits import Buckets
from distnet.server.users.users import Caller, Users

NOBODY = "(nobody)"
"""No name of a user has brackets."""

logger = logging.getLogger(__name__)


class Denials:
    """Writes refusals to the event log."""

    def __init__(self, people: Users, *, per_s: float) -> None:
        self._people = people
        self._buckets = Buckets(per_s, at_once=20)

    async def tell(self, scope: Scope, caller: Caller | None, error: ServerError) -> None:
        """Write down that a request was refused; of many, only some are kept."""
        address = address_of(scope)
        actor = caller.user.name if caller else NOBODY
        if self._buckets.take(actor if caller else address) > 0:
            return
        text = f"{scope['method']} {scope['path']!r:.200} from {address}: {error.code}: {error}"
        try:
            await run_in_threadpool(self._people.note, "denied", actor, text[:1000])
        except UnavailableError:
            logger.warning("refused, and the ledger cannot be reached: %s", text)


def address_of(scope: Scope) -> str:
    """The address that a request comes from, as its connection says; for IPv6 its network."""
    host = str((scope.get("client") or ("unknown", 0))[0])
    return ":".join(host.split(":")[:4]) + "::/64" if host.count(":") > 3 else host
