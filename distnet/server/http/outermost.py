"""Around everything: browsers' attacks refused, headers for safety, no traceback told."""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from distnet.protocol.errors import ForbiddenError
from distnet.server.http.browser import HEADERS, Guard
from distnet.server.http.denials import Denials
from distnet.server.http.responses import refusal, refused

Count = Callable[[Scope, int, float], None]
"""Takes a request, the status of its answer, and the seconds that it took."""

FRESH = (b"cache-control", b"no-cache")
UNKEPT = (b"cache-control", b"no-store")

logger = logging.getLogger(__name__)


class Shell:
    """The outermost layer of the server."""

    def __init__(self, app: ASGIApp, *, guard: Guard, denials: Denials, count: Count) -> None:
        self._app = app
        self._guard = guard
        self._denials = denials
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request whatever happens; websockets are not spoken."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        status, began = 0, time.perf_counter()

        async def send_safely(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(scope["path"], message)
            await send(message)

        try:
            self._guard.check(scope["method"], scope["path"], Headers(scope=scope))
            await self._app(scope, receive, send_safely)
        except ForbiddenError as error:
            await self._denials.tell(scope, None, error)
            await refused(error)(scope, receive, send_safely)
        except ClientDisconnect:
            logger.debug("nobody waits any more for %s %.200r", scope["method"], scope["path"])
        except asyncio.CancelledError:
            raise
        except Exception:
            await _fail(scope, receive, send_safely, is_answered=bool(status))
        finally:
            self._count(scope, status, time.perf_counter() - began)


def _add_headers(path: str, message: Message) -> None:
    headers = [*message["headers"], *HEADERS]
    if not any(name == b"cache-control" for name, _ in headers):
        # Parts of the page are asked for again after an update, and not sent again before.
        headers.append(FRESH if path.startswith("/assets/") else UNKEPT)
    message["headers"] = headers


async def _fail(scope: Scope, receive: Receive, send: Send, *, is_answered: bool) -> None:
    """Log a fault of the server's own; who asked learns only under which number."""
    number = secrets.token_hex(4)
    logger.exception("fault %s in %s %.200r", number, scope["method"], scope["path"])
    if not is_answered:
        text = f"a fault of the server itself; its log has it as fault {number}"
        await refusal(500, "internal", text)(scope, receive, send)
