"""Who may come in, how often, and with how much: before any route sees the request.

Whatever is not named here as public needs a token, also a route that somebody adds tomorrow.
What a role may do is said at each route (`needs.py`); but who may only look sends nothing, so no
body is read before it is known that its sender may do more.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distnet.protocol.errors import (
    ForbiddenError,
    NotAllowedError,
    ServerError,
    TooManyError,
    UnauthenticatedError,
)
from distnet.server.http.denials import NOBODY, Denials, address_of
from distnet.server.http.depends import require_role
from distnet.server.http.limits import Buckets, FullError, Room, read_body, replay
from distnet.server.http.responses import refusal, refused
from distnet.server.ledger.records import Role
from distnet.server.settings import Limits
from distnet.server.users.authenticator import REMEDY, Authenticator
from distnet.server.users.users import Caller

PUBLIC = ("/", "/healthz")
ASSETS = "/assets/"
ATTEMPT = "/api/v1/attempt"
BULK = "/api/v1/jobs/bulk"
CODE = "/api/v1/code/"
USUAL = ("/api/v1/jobs", "/api/v1/schedules", f"{ATTEMPT}/report")
"""Routes that read a body as `bodies.py` does."""
SMALL_BYTES = 16_000
"""What all others may be sent; they read it on the event loop, which everybody waits for."""
LOOKING = ("GET", "HEAD")
WITH_BODY = ("POST", "PUT", "PATCH")
HASHES_AT_ONCE = 2
BODIES_AT_ONCE = 4
"""Of the largest size; of smaller ones, as many as take up no more memory."""
WRONG_AT_ONCE = 20
FEW = 10
SOON_S = 1.0


class BusyError(TooManyError):
    """Too many requests; says when to try again."""

    code = "too_many_requests"

    def __init__(self, wait_s: float, what: str) -> None:
        super().__init__(f"{what}; try again in {wait_s:.1f} s")
        self.wait_s = wait_s


class Gate:
    """Lets a request through to the routes, with its caller in `state`."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        denials: Denials,
        limits: Limits,
        is_attempt: Callable[[str], bool],
    ) -> None:
        """Take whom to ask; `is_attempt` says at once whether a secret is a live attempt's."""
        self._app = app
        self._gatekeeper = authenticator
        self._denials = denials
        self._limits = limits
        self._is_attempt = is_attempt
        self._users = _buckets(limits.user_per_s)
        self._addresses = _buckets(limits.address_per_s)
        self._wrong = Buckets(limits.wrong_per_s, at_once=WRONG_AT_ONCE)
        self._hashing = CapacityLimiter(HASHES_AT_ONCE)
        self._checks: dict[str, asyncio.Future[Caller]] = {}
        largest = max(limits.body_bytes, limits.bulk_bytes, limits.code_bytes)
        self._room = Room(BODIES_AT_ONCE * largest)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with ExitStack() as held:
                sender, send = await self._admit(scope, send)
                receive = await self._receive(scope, receive, sender, held)
                await self._app(scope, receive, send)
        except BusyError as error:
            answer = refusal(error.status, error.code, str(error), retry_after_s=error.wait_s)
            await answer(scope, receive, send)
        except FullError as error:
            answer = refusal(error.status, error.code, str(error), retry_after_s=SOON_S)
            await answer(scope, receive, send)
        except ServerError as error:
            await self._deny(scope, error)
            await refused(error)(scope, receive, send)

    async def _admit(self, scope: Scope, send: Send) -> tuple[str, Send]:
        """Find out who asks; returns who that is, and how to answer them."""
        path, address = scope["path"], address_of(scope)
        _require(self._addresses.take(address), f"too many requests from {address}")
        if path in PUBLIC or path.startswith(ASSETS):
            if scope["method"] not in LOOKING:
                raise NotAllowedError("this can only be looked at")
            return NOBODY, send
        token = _bearer(Headers(scope=scope))
        if path == ATTEMPT or path.startswith(f"{ATTEMPT}/"):
            if self._is_attempt(token):
                return token, send
            return NOBODY, self._watch(address, send)
        caller = self._gatekeeper.recall(token) or await self._check(token, address)
        _require(self._users.take(caller.user.name), f"too many requests of {caller.user.name}")
        scope.setdefault("state", {})["caller"] = caller
        if scope["method"] in WITH_BODY:
            require_role(caller, Role.SUBMITTER)
        return caller.user.name, send

    async def _check(self, token: str, address: str) -> Caller:
        """Ask the authenticator; who gives wrong tokens has to wait, others from there need not."""
        if self._gatekeeper.has_hashed(token):
            return await to_thread.run_sync(self._gatekeeper.check, token)
        check = self._checks.get(token)
        if check is None:  # many requests may come at once with a token that is new here
            _require(self._wrong.take(address), f"too many wrong tokens from {address}")
            check = self._checks[token] = asyncio.ensure_future(self._hash(token, address))
            check.add_done_callback(lambda _: self._checks.pop(token))
        return await asyncio.shield(check)

    async def _hash(self, token: str, address: str) -> Caller:
        caller = await to_thread.run_sync(self._gatekeeper.check, token, limiter=self._hashing)
        self._wrong.give_back(address)
        return caller

    def _watch(self, address: str, send: Send) -> Send:
        """Have a route judge the secret of an attempt; wrong ones count as wrong tokens do."""
        _require(self._wrong.take(address), f"too many wrong secrets from {address}")

        async def send_watched(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 401:
                self._wrong.give_back(address)
            await send(message)

        return send_watched

    async def _receive(
        self, scope: Scope, receive: Receive, sender: str, held: ExitStack
    ) -> Receive:
        """Read the body, as much of it as is allowed there."""
        if scope["method"] not in WITH_BODY:
            return receive
        most = self._most_bytes(scope["path"])
        body = await read_body(
            receive,
            most_bytes=most,
            within_s=self._limits.body_s,
            take=held.enter_context(self._room.hold(sender)),
        )
        return replay(body, receive)

    def _most_bytes(self, path: str) -> int:
        if path.startswith(CODE):
            return self._limits.code_bytes
        if path == BULK:
            return self._limits.bulk_bytes
        usual = self._limits.body_bytes
        return usual if path in USUAL else min(SMALL_BYTES, usual)

    async def _deny(self, scope: Scope, error: ServerError) -> None:
        if isinstance(error, UnauthenticatedError | ForbiddenError):
            await self._denials.tell(scope, scope.get("state", {}).get("caller"), error)


def _buckets(per_s: float) -> Buckets:
    """Those who come now and then may ask a few things at once, however low the rate is."""
    return Buckets(per_s, at_once=max(FEW, 2 * per_s))


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(f"found no token, expected `Authorization: Bearer`; {REMEDY}")
    return token.strip()


def _require(wait_s: float, what: str) -> None:
    if wait_s > 0:
        raise BusyError(wait_s, what)
