"""HTTP to a server: one connection that is kept, timeouts, patience with a server that restarts.

http.client is imported in 30 ms, urllib3 takes 100 and httpx 220 (`python -X importtime`), which
would be most of what `distnet ps` takes; and all that is needed besides is to repeat a request.
"""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit

from distnet.client.refusal import not_ours, refused, unreachable
from distnet.client.target import Target
from distnet.protocol.errors import ServerError

PATIENCE_S = 2.0
CONNECT_S = 5.0
ANSWER_S = 30.0
LARGEST = 256_000_000
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
NOT_NOW = (429, 503)


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: bytes | None
    kind: str
    is_repeatable: bool
    timeout_s: float


class Connection:
    """A server's HTTP interface, one request at a time.

    Args:
        target: the server and the token.
        patience_s: for how long to repeat a request that finds no server, or a busy one.
    """

    def __init__(self, target: Target, *, patience_s: float = PATIENCE_S) -> None:
        self.target, self.patience_s = target, patience_s
        parts = urlsplit(target.server)
        is_safe = parts.scheme == "https"
        kind = http.client.HTTPSConnection if is_safe else http.client.HTTPConnection
        self._http = kind(str(parts.hostname), parts.port, timeout=CONNECT_S)
        self._prefix = parts.path

    def get(self, path: str, *, longer_s: float = 0.0, **query: object) -> Any:
        """Read something; the server may take `longer_s` longer than usual to answer.

        Raises:
            ServerError: it refused, with its code and message.
            UnavailableError: nobody answers.
        """
        return self._ask("GET", _with_query(path, query), timeout_s=ANSWER_S + longer_s)

    def has(self, path: str) -> bool:
        """Whether there is something at this path."""
        try:
            self._ask("HEAD", path)
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True

    def post(self, path: str, value: object = None, *, is_repeatable: bool = True) -> Any:
        """Ask for a change; one that is not repeatable is sent once only.

        Raises:
            ServerError: it refused, with its code and message.
            UnavailableError: nobody answers.
        """
        return self._ask("POST", path, _json(value), is_repeatable=is_repeatable)

    def put(self, path: str, value: object) -> Any:
        """Put a value in its place; bytes are sent as they are."""
        if isinstance(value, bytes):
            return self._ask("PUT", path, value, kind="application/zip")
        return self._ask("PUT", path, _json(value))

    def delete(self, path: str) -> Any:
        """Remove something."""
        return self._ask("DELETE", path)

    def close(self) -> None:
        """Let the connection go; the next request makes another."""
        self._http.close()

    def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        kind: str = "application/json",
        is_repeatable: bool = True,
        timeout_s: float = ANSWER_S,
    ) -> Any:
        request = _Request(method, self._prefix + path, body, kind, is_repeatable, timeout_s)
        end = time.monotonic() + self.patience_s
        for pause in _pauses():
            answer, refusal, wait_s = self._try(request, pause)
            if refusal is None:
                return answer
            if wait_s is None or time.monotonic() + wait_s > end:
                raise refusal
            time.sleep(wait_s)
        raise AssertionError("pauses never end")

    def _try(self, request: _Request, pause: float) -> tuple[Any, ServerError | None, float | None]:
        """Ask once: the answer, or a refusal and when to ask again (None: never)."""
        try:
            status, headers, data = self._exchange(request)
        except (OSError, http.client.HTTPException) as error:
            # A refused connection has not carried the request, whatever it was.
            may_repeat = request.is_repeatable or isinstance(error, ConnectionRefusedError)
            return None, unreachable(self.target, error), pause if may_repeat else None
        if 200 <= status < 300:
            return self._read(data), None, None
        refusal = refused(self.target, status, data)
        return None, refusal, _asked_to_wait(status, headers, request, pause)

    def _exchange(self, request: _Request) -> tuple[int, Message, bytes]:
        is_kept = self._http.sock is not None
        if is_kept and not request.is_repeatable:
            # The server may have closed it; whether the request went through is then unknown.
            self._http.close()
        try:
            return self._send(request)
        except (ConnectionError, http.client.BadStatusLine):
            self._http.close()
            if not (is_kept and request.is_repeatable):
                raise
            return self._send(request)
        except (OSError, http.client.HTTPException):
            self._http.close()
            raise

    def _send(self, request: _Request) -> tuple[int, Message, bytes]:
        if self._http.sock is None:
            self._http.timeout = CONNECT_S
            self._http.connect()
        self._http.sock.settimeout(request.timeout_s)
        headers = {"Accept": "application/json", "User-Agent": "distnet"}
        if self.target.token:
            headers["Authorization"] = f"Bearer {self.target.token}"
        if request.body is not None:
            headers["Content-Type"] = request.kind
        self._http.request(request.method, request.path, body=request.body, headers=headers)
        response = self._http.getresponse()
        data = response.read(LARGEST)
        return response.status, response.headers, data

    def _read(self, data: bytes) -> Any:
        if not data:
            return None
        try:
            return json.loads(data)
        except ValueError:
            raise not_ours(self.target, "an answer that is no JSON") from None


def _with_query(path: str, query: Mapping[str, object]) -> str:
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def _json(value: object) -> bytes:
    return json.dumps({} if value is None else value, allow_nan=False).encode()


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _asked_to_wait(status: int, headers: Message, request: _Request, pause: float) -> float | None:
    """How long to wait before asking again; None where asking again is of no use."""
    asked = headers.get("Retry-After", "")
    if status not in NOT_NOW or not (request.is_repeatable or asked):
        return None
    if asked.isascii() and asked.isdecimal():
        return max(float(asked), FIRST_PAUSE_S)
    return pause if status == 503 else None
