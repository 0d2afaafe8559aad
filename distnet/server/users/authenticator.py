"""Authentication: from a token to its user. A token is hashed once, then cached by its sha256.

Cached tokens are looked up in the ledger every few seconds: a token that another process revokes,
or whose user's role changes, is not accepted for longer than that.
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from anyio import CapacityLimiter

from distnet.protocol.errors import ForbiddenError, UnauthenticatedError
from distnet.protocol.users import TokenRequest, TokenResponse
from distnet.server.ledger.records import User
from distnet.server.users.tokens import id_of, is_token
from distnet.server.users.users import Caller, Users, is_usable

LOOKUP_EVERY_S = 5.0
USED_EVERY_S = 60.0
MAX_CACHED = 10_000
REMEDY = "create one on the server's machine with `distnet server token`, or ask an admin for one"


@dataclass(frozen=True, slots=True)
class _Cached:
    caller: Caller
    looked_up_at: float


class Authenticator:
    """Finds the users of tokens; thread-safe."""

    def __init__(self, users: Users, *, clock: Callable[[], float] = time.time) -> None:
        self.users = users
        self._clock = clock
        self._cached: dict[bytes, _Cached] = {}
        self._lock = threading.Lock()
        self.create_limiter = CapacityLimiter(1)
        """For requests that create tokens: each is hashed, and authentication must not wait."""

    def recall(self, token: str) -> Caller | None:
        """Return the caller of a token that was checked a moment ago; None if it was not."""
        cached = self._cached.get(_digest(token))
        now = self._clock()
        if cached is None or not 0 <= now - cached.looked_up_at < LOOKUP_EVERY_S:
            return None
        return cached.caller if is_usable(cached.caller.token, now) else None

    def has_hashed(self, token: str) -> bool:
        """Whether a token was accepted before, so that checking it again needs no hash."""
        return _digest(token) in self._cached

    def check(self, token: str) -> Caller:
        """Find the caller of a token; reads the ledger, and may hash for 40 ms.

        Raises:
            UnauthenticatedError: the token is unknown, revoked or expired.
            ForbiddenError: `blocked`: its user is blocked.
            UnavailableError: the ledger cannot be reached.
        """
        id_ = id_of(token)
        if id_ is None:
            raise UnauthenticatedError(
                f"found text that is not a token, expected dn_ID_SECRET; {REMEDY}"
            )
        digest, now = _digest(token), self._clock()
        caller = self.users.find(id_)
        if caller is None or not self._is_right(digest, token, caller):
            raise UnauthenticatedError(f"this server does not know the token; {REMEDY}")
        if not is_usable(caller.token, now):
            self._drop(digest)
            how = "has expired" if caller.token.revoked_at is None else "was revoked"
            raise UnauthenticatedError(f"token {id_} {how}; {REMEDY}")
        if caller.user.is_blocked:
            self._cache(digest, _Cached(caller, -math.inf))  # looked up each time, and not hashed
            raise _blocked(caller.user)
        self._cache(digest, _Cached(caller, now))
        if now - (caller.token.used_at or 0.0) > USED_EVERY_S:
            self.users.mark_used(caller.token)
        return caller

    def make(self, by: Caller, request: TokenRequest) -> TokenResponse:
        """Create a token, see `Users.make`; hashes for 40 ms."""
        made = self.users.make(by, request)
        self._look_up_again(made.user)
        return made

    def revoke(self, by: Caller, token_id: str) -> TokenResponse:
        """Revoke a token, see `Users.revoke`."""
        revoked = self.users.revoke(by, token_id)
        self._look_up_again(revoked.user)
        return revoked

    def block(self, by: Caller, name: str, reason: str) -> User:
        """Block a user, see `Users.block`."""
        user = self.users.block(by, name, reason)
        self._look_up_again(name)
        return user

    def unblock(self, by: Caller, name: str) -> User:
        """Unblock a user, see `Users.unblock`."""
        user = self.users.unblock(by, name)
        self._look_up_again(name)
        return user

    def _look_up_again(self, user: str) -> None:
        """Look up the tokens of a user at their next use; they need not be hashed again."""
        with self._lock:
            for digest, cached in self._cached.items():
                if cached.caller.user.name == user:
                    self._cached[digest] = replace(cached, looked_up_at=-math.inf)

    def _is_right(self, digest: bytes, token: str, caller: Caller) -> bool:
        cached = self._cached.get(digest)
        if cached is not None and cached.caller.token.hash == caller.token.hash:
            return True  # hashed before
        return is_token(token, salt=caller.token.salt, hash_=caller.token.hash)

    def _drop(self, digest: bytes) -> None:
        with self._lock:
            self._cached.pop(digest, None)

    def _cache(self, digest: bytes, cached: _Cached) -> None:
        with self._lock:
            if len(self._cached) >= MAX_CACHED:
                self._cached = {}
            self._cached[digest] = cached


def _blocked(user: User) -> ForbiddenError:
    reason = f": {user.blocked_for}" if user.blocked_for else ""
    return ForbiddenError(
        f"{user.name} was blocked by {user.blocked_by}{reason}; only an admin can end this",
        code="blocked",
    )


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
