"""Who is behind a token. A token is hashed once; after that it is known by its sha256 for a while.

What is known is looked up again in the ledger every few seconds, so a token that was revoked, or
whose user has another role, by whatever process, does not open anything for longer than that.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from anyio import CapacityLimiter

from distnet.protocol.errors import UnauthenticatedError
from distnet.protocol.users import TokenAnswer, TokenRequest
from distnet.server.users.tokens import id_of, is_token
from distnet.server.users.users import Caller, Users, is_usable

LOOKED_UP_EVERY_S = 5.0
USED_EVERY_S = 60.0
MOST_KNOWN = 10_000
REMEDY = "make one on the server's machine with `distnet server token`, or ask an admin for one"


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    looked_up_at: float


class Authenticator:
    """Turns tokens into callers; used by all threads."""

    def __init__(self, people: Users, *, clock: Callable[[], float] = time.time) -> None:
        self.people = people
        self._clock = clock
        self._known: dict[bytes, _Known] = {}
        self._lock = threading.Lock()
        self.making = CapacityLimiter(1)
        """For those who make tokens: each is hashed, and who comes in must not wait for that."""

    def recall(self, token: str) -> Caller | None:
        """Say at once who is behind a token that was checked a moment ago; else None."""
        known = self._known.get(_digest(token))
        now = self._clock()
        if known is None or not 0 <= now - known.looked_up_at < LOOKED_UP_EVERY_S:
            return None
        return known.caller if is_usable(known.caller.token, now) else None

    def has_hashed(self, token: str) -> bool:
        """Whether a token was right before, so that checking it again takes no hash."""
        return _digest(token) in self._known

    def check(self, token: str) -> Caller:
        """Find out who is behind a token; reads the ledger and may hash for 40 ms.

        Raises:
            UnauthenticatedError: nobody, or nobody any more.
            UnavailableError: the ledger cannot be reached.
        """
        id_ = id_of(token)
        if id_ is None:
            raise UnauthenticatedError(f"found something that is no token, expected one; {REMEDY}")
        digest, now = _digest(token), self._clock()
        caller = self.people.find(id_)
        if caller is None or not self._is_right(digest, token, caller):
            raise UnauthenticatedError(f"the token is not known here; {REMEDY}")
        if not is_usable(caller.token, now):
            self._drop(digest)
            how = "has expired" if caller.token.revoked_at is None else "was revoked"
            raise UnauthenticatedError(f"token {id_} {how}; {REMEDY}")
        self._remember(digest, _Known(caller, now))
        if now - (caller.token.used_at or 0.0) > USED_EVERY_S:
            self.people.mark_used(caller.token)
        return caller

    def make(self, by: Caller, asked: TokenRequest) -> TokenAnswer:
        """Make a token, see `Users.make`; hashes for 40 ms."""
        made = self.people.make(by, asked)
        self._look_up_again(made.user)
        return made

    def revoke(self, by: Caller, token_id: str) -> TokenAnswer:
        """End a token for good, see `Users.revoke`."""
        revoked = self.people.revoke(by, token_id)
        self._look_up_again(revoked.user)
        return revoked

    def _look_up_again(self, user: str) -> None:
        """A user, or a token of theirs, has changed; what was hashed need not be hashed again."""
        with self._lock:
            for digest, known in self._known.items():
                if known.caller.user.name == user:
                    self._known[digest] = replace(known, looked_up_at=-math.inf)

    def _is_right(self, digest: bytes, token: str, caller: Caller) -> bool:
        known = self._known.get(digest)
        if known is not None and known.caller.token.hash == caller.token.hash:
            return True  # hashed before
        return is_token(token, salt=caller.token.salt, hash_=caller.token.hash)

    def _drop(self, digest: bytes) -> None:
        with self._lock:
            self._known.pop(digest, None)

    def _remember(self, digest: bytes, known: _Known) -> None:
        with self._lock:
            if len(self._known) >= MOST_KNOWN:
                self._known = {}
            self._known[digest] = known


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
