"""The outermost layer: checks against other websites, security headers, unexpected errors."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distnet.protocol.errors import ForbiddenError
from distnet.server.http.audit import AuditLog
from distnet.server.http.browser_guard import HEADERS, BrowserGuard
from distnet.server.http.responses import error_response, response_to

Count = Callable[[Scope, int, float], None]
"""Takes a request, the status of its response, and the seconds that it took."""

REVALIDATE = (b"cache-control", b"no-cache")
DO_NOT_STORE = (b"cache-control", b"no-store")

logger = logging.getLogger(__name__)


class BoundaryMiddleware:
    """Serves a request whatever happens; the client never sees a traceback."""

    def __init__(self, app: ASGIApp, *, guard: BrowserGuard, audit: AuditLog, count: Count) -> None:
        self._app = app
        self._guard = guard
        self._audit = audit
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; websockets are not supported."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, began = 0, time.perf_counter()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope["path"], message)
            await send(message)

        try:
            self._guard.check(scope["method"], scope["path"], Headers(scope=scope))
            await self._app(scope, receive, send_with_headers)
        except ForbiddenError as error:
            await self._audit.record(scope, None, error)
            await response_to(error)(scope, receive, send_with_headers)
        except ClientDisconnect:
            logger.debug("the client is gone: %s %.200r", scope["method"], scope["path"])
        except asyncio.CancelledError:
            raise
        except Exception:
            await _fail(scope, receive, send_with_headers, has_responded=bool(status))
        finally:
            self._count(scope, status, time.perf_counter() - began)


def _add_headers(path: str, message: Message) -> None:
    own = {name for name, _ in message["headers"]}  # of a report, which may be framed
    headers = [*message["headers"], *(one for one in HEADERS if one[0] not in own)]
    if not any(name == b"cache-control" for name, _ in headers):
        # Browsers ask for the page's files again, and get them if they have changed.
        headers.append(REVALIDATE if path.startswith("/assets/") else DO_NOT_STORE)
    message["headers"] = headers


async def _fail(scope: Scope, receive: Receive, send: Send, *, has_responded: bool) -> None:
    """Log an unexpected error; the client gets only its number in the log."""
    number = secrets.token_hex(4)
    logger.exception("error %s in %s %.200r", number, scope["method"], scope["path"])
    if not has_responded:
        text = f"an internal error of the server; its log has it as error {number}"
        await error_response(500, "internal", text)(scope, receive, send)
