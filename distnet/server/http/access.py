"""The access layer: authentication, rate limits and body limits, before any route runs.

Every path that is not public here needs a token, also those of routes that are added later. Which
role a route requires is declared there (`parameters.py`). A viewer sends no bodies: a body is read
only when its sender is known to be allowed more.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack

from anyio import CapacityLimiter, to_thread
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distnet.protocol.errors import (
    ForbiddenError,
    NotAllowedError,
    OtherVersionError,
    ServerError,
    TooManyError,
    UnauthenticatedError,
)
from distnet.server.http.audit import ANONYMOUS, AuditLog, address_of
from distnet.server.http.guard.connections import Pool, network_of
from distnet.server.http.guard.fair_turns import FairTurns
from distnet.server.http.guard.protocol import Claims, Guard
from distnet.server.http.guard.rate_limit import RateLimiter
from distnet.server.http.parameters import require_role
from distnet.server.http.request_body import BodyMemory, read_body, replay
from distnet.server.http.responses import response_to
from distnet.server.http.version import require_version, with_version
from distnet.server.ledger.records import Role
from distnet.server.users.authenticator import REMEDY, Authenticator
from distnet.server.users.tokens import id_of
from distnet.server.users.users import Caller

PUBLIC = ("/", "/healthz")
OPEN = ("/assets/", "/reports/")
"""The page's files, and reports, whose links are secrets of their own."""
ATTEMPT = "/api/v1/attempt"
BULK = "/api/v1/jobs/bulk"
CODE = "/api/v1/code/"
DATASETS = "/api/v1/datasets/"
LARGE = ("/api/v1/jobs", "/api/v1/schedules", f"{ATTEMPT}/report")
"""Routes that parse their body in a thread, with `json_body.py`."""
SMALL_BYTES = 16_000
"""The limit of all other bodies: they are parsed on the event loop."""
READING = ("GET", "HEAD")
WITH_BODY = ("POST", "PUT", "PATCH")
HASHES_AT_ONCE = 2
LARGEST_BODIES_AT_ONCE = 4
"""Of smaller ones, as many as need no more memory."""
WRONG_BURST = 20
SMALLEST_BURST = 10


class BusyError(TooManyError):
    """Too many requests; it says when to try again."""

    code = "too_many_requests"

    def __init__(self, wait_s: float, what: str) -> None:
        super().__init__(f"{what}; try again in {wait_s:.1f} s")
        self.wait_s = wait_s


class AccessMiddleware:
    """Passes a request on to the routes, with its caller in `state`, or refuses it."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        authenticator: Authenticator,
        audit: AuditLog,
        guard: Guard,
        job_of: Callable[[str], str | None],
    ) -> None:
        """Take what the checks need; `job_of` names the job of the live attempt with a secret."""
        self._app = app
        self._authenticator = authenticator
        self._audit = audit
        self._guard, self._connections = guard, guard.connections
        self._limits = limits = guard.limits
        self._job_of = job_of
        self._users = _limiter(limits.user_per_s)
        self._addresses = _limiter(limits.address_per_s)
        self._turns = FairTurns(limits.served_per_user)
        self._wrong = RateLimiter(limits.wrong_per_s, burst=WRONG_BURST)
        self._hashing = CapacityLimiter(HASHES_AT_ONCE)
        self._checks: dict[str, asyncio.Future[Caller]] = {}
        largest = max(limits.body_bytes, limits.bulk_bytes, limits.code_bytes)
        self._memory = BodyMemory(LARGEST_BODIES_AT_ONCE * largest)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or respond with the reason why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            with ExitStack() as held:
                sender, send = await self._authenticate(scope, send)
                receive = await self._receive(scope, receive, sender, held)
                await self._serve(sender, scope, receive, send)
        except OtherVersionError as error:
            await response_to(error)(scope, receive, with_version(send))
        except ServerError as error:
            if isinstance(error, UnauthenticatedError | ForbiddenError):
                caller = scope.get("state", {}).get("caller")
                await self._audit.record(scope, caller, error)
            self._guard.refusals.note(error)
            await response_to(error)(scope, receive, send)

    async def _serve(self, sender: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the routes serve a request when it is the turn of its sender."""
        if sender == ANONYMOUS:
            await self._app(scope, receive, send)
            return
        connection = _connection(scope)
        async with self._turns.take(sender) as turn:
            if connection is not None and connection.is_gone:
                raise ClientDisconnect
            scope["state"]["turn"] = turn
            await self._app(scope, receive, send)

    async def _authenticate(self, scope: Scope, send: Send) -> tuple[str, Send]:
        """Find the sender of a request; returns its name or secret, and how to respond."""
        path, address = scope["path"], address_of(scope)
        if address != _connected(scope):  # a proxy's, on which others ask, too
            _claim(scope, self._connections.strangers, address)
        _require(self._addresses.take(address), f"too many requests from {address}")
        if path in PUBLIC or path.startswith(OPEN):
            if scope["method"] not in READING:
                raise NotAllowedError(f"{path}: found {scope['method']}, expected GET or HEAD")
            return ANONYMOUS, send
        token = _bearer(Headers(scope=scope))
        if path == ATTEMPT or path.startswith(f"{ATTEMPT}/"):
            if job := self._job_of(token):
                _claim(scope, self._connections.attempts, job)
                return token, with_version(send)
            return ANONYMOUS, self._counting_wrong(address, send)
        caller = self._authenticator.recall(token) or await self._check(token, address)
        _require(self._users.take(caller.user.name), f"too many requests of {caller.user.name}")
        _claim(scope, self._connections.users, caller.user.name)
        scope["state"]["caller"] = caller
        require_version(Headers(scope=scope))
        if scope["method"] in WITH_BODY:
            require_role(caller, Role.SUBMITTER)
        return caller.user.name, send

    async def _check(self, token: str, address: str) -> Caller:
        """Check a token; only senders of wrong tokens have to wait, not others at the address.

        Each id of a token has its own count at an address: who sends wrong tokens, with whatever
        ids, keeps nobody behind the same proxy from a first request with a right one.
        """
        if self._authenticator.has_hashed(token):
            return await to_thread.run_sync(self._authenticator.check, token)
        check = self._checks.get(token)
        if check is None:  # otherwise the same new token is being checked for another request
            key = f"{address} {id_of(token) or ''}"
            _require(self._wrong.take(key), f"too many wrong tokens from {address}")
            check = self._checks[token] = asyncio.ensure_future(self._hash(token, key))
            check.add_done_callback(lambda _: self._checks.pop(token))
        return await asyncio.shield(check)

    async def _hash(self, token: str, key: str) -> Caller:
        check = self._authenticator.check
        try:
            caller = await to_thread.run_sync(check, token, limiter=self._hashing)
        except ForbiddenError:  # the token is right, and its user is blocked
            self._wrong.give_back(key)
            raise
        self._wrong.give_back(key)
        return caller

    def _counting_wrong(self, address: str, send: Send) -> Send:
        """Let a route check the secret of an attempt; a wrong one counts as a wrong token."""
        _require(self._wrong.take(address), f"too many wrong secrets from {address}")

        async def send_counting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] != 401:
                self._wrong.give_back(address)
            await send(message)

        return send_counting

    async def _receive(
        self, scope: Scope, receive: Receive, sender: str, held: ExitStack
    ) -> Receive:
        """Read the body, up to the limit of its path."""
        if scope["method"] not in WITH_BODY:
            return receive
        body = await read_body(
            receive,
            most_bytes=self._most_bytes(scope["path"]),
            within_s=self._limits.body_s,
            reserve=held.enter_context(self._memory.reserved(sender)),
        )
        return replay(body, receive)

    def _most_bytes(self, path: str) -> int:
        if path.startswith(CODE):
            return self._limits.code_bytes
        if path == BULK:
            return self._limits.bulk_bytes
        large = self._limits.body_bytes
        return large if path in LARGE or path.startswith(DATASETS) else min(SMALL_BYTES, large)


def _connected(scope: Scope) -> str:
    """The address at the other end of the connection of a request."""
    connection = _connection(scope)
    return address_of(scope) if connection is None else network_of(connection.address)


def _connection(scope: Scope) -> Claims | None:
    """The connection of a request; None if it is lost, or there is no real one."""
    found: Claims | None = scope.setdefault("state", {}).get("connection")
    return found


def _claim(scope: Scope, pool: Pool, owner: str) -> None:
    connection = _connection(scope)
    if connection is not None:
        connection.claim(pool, owner)


def _limiter(per_s: float) -> RateLimiter:
    """Allow a small burst, however low the rate is."""
    return RateLimiter(per_s, burst=max(SMALLEST_BURST, 2 * per_s))


def _bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError(f"found no token, expected `Authorization: Bearer`; {REMEDY}")
    return token.strip()


def _require(wait_s: float, what: str) -> None:
    if wait_s > 0:
        raise BusyError(wait_s, what)
