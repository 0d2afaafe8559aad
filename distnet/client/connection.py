"""HTTP to a server: one persistent connection, timeouts, retries while a server restarts.

http.client is imported in 30 ms, urllib3 in 100 and httpx in 220 (`python -X importtime`), which
would be most of the time of `distnet ps`; all that is needed besides is to repeat a request.
"""

import http.client
import json
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import Any
from urllib.parse import urlencode, urlsplit

from distnet.client.refusal import not_ours, other_version, refused, unreachable
from distnet.client.target import Target
from distnet.errors import DistnetError
from distnet.protocol.errors import OtherVersionError, ServerError
from distnet.protocol.versions import HEADER, UNKNOWN, is_compatible, own_version

PATIENCE_S = 2.0
CONNECT_S = 5.0
REPLY_S = 30.0
BYTES_S = 300.0
BYTES = "application/octet-stream"
LARGEST = 256_000_000
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
NOT_NOW = (429, 502, 503, 504)
"""The last three also come from a proxy, while the server behind it restarts."""


@dataclass(frozen=True)
class _Request:
    method: str
    path: str
    body: bytes | None
    kind: str
    is_repeatable: bool
    timeout_s: float
    is_raw: bool = False
    """Whether the reply is bytes, not JSON."""


class Connection:
    """A server's HTTP interface, one request at a time.

    Args:
        target: the server and the token.
        patience_s: for how long to repeat a request while the server is unreachable or busy.
    """

    def __init__(self, target: Target, *, patience_s: float = PATIENCE_S) -> None:
        self.target, self.patience_s = target, patience_s
        parts = urlsplit(target.server)
        self._http = _opened(target, str(parts.hostname), parts.port)
        self._prefix = parts.path

    def get(self, path: str, *, longer_s: float = 0.0, **query: object) -> Any:
        """Send a GET; the server may take `longer_s` longer than usual to reply.

        Raises:
            ServerError: it refused, with its code and message.
            UnavailableError: it does not respond.
        """
        return self._request("GET", _with_query(path, query), timeout_s=REPLY_S + longer_s)

    def get_bytes(self, path: str, **query: object) -> bytes:
        """Send a GET whose reply is bytes; it may take long to arrive.

        Raises:
            ServerError: the server refused, with its code and message.
            UnavailableError: it does not respond.
        """
        target = _with_query(path, query)
        reply: bytes = self._request("GET", target, timeout_s=BYTES_S, is_raw=True)
        return reply

    def has(self, path: str) -> bool:
        """Whether the server has this path."""
        try:
            self._request("HEAD", path)
        except ServerError as error:
            if error.status == 404:
                return False
            raise
        return True

    def post(
        self,
        path: str,
        value: object = None,
        *,
        is_repeatable: bool = True,
        longer_s: float = 0.0,
    ) -> Any:
        """Send a POST of a value as JSON, or of JSON; one that is not repeatable is sent only once.

        The server may take `longer_s` longer than usual to reply.

        Raises:
            ServerError: it refused, with its code and message.
            UnavailableError: it does not respond.
        """
        body = value if isinstance(value, bytes) else _json(value)
        timeout_s = REPLY_S + longer_s
        return self._request("POST", path, body, is_repeatable=is_repeatable, timeout_s=timeout_s)

    def put(self, path: str, value: object, **query: object) -> Any:
        """Send a PUT of a value as JSON, or of bytes, which may take long to send and to store."""
        if isinstance(value, bytes):
            target = _with_query(path, query)
            return self._request("PUT", target, value, kind=BYTES, timeout_s=BYTES_S)
        return self._request("PUT", path, _json(value))

    def delete(self, path: str) -> Any:
        """Send a DELETE."""
        return self._request("DELETE", path)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._http.close()

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        kind: str = "application/json",
        is_repeatable: bool = True,
        timeout_s: float = REPLY_S,
        is_raw: bool = False,
    ) -> Any:
        target = self._prefix + path
        request = _Request(method, target, body, kind, is_repeatable, timeout_s, is_raw)
        end = time.monotonic() + self.patience_s
        for pause in _pauses():
            reply, refusal, wait_s = self._try(request, pause)
            if refusal is None:
                return reply
            if wait_s is None or time.monotonic() + wait_s > end:
                raise refusal
            time.sleep(wait_s)
        raise AssertionError("pauses never end")

    def _try(self, request: _Request, pause: float) -> tuple[Any, ServerError | None, float | None]:
        """Send once: the reply, or the refusal and when to repeat (None: never)."""
        try:
            status, headers, data = self._exchange(request)
        except (OSError, http.client.HTTPException) as error:
            # A refused connection has not carried the request: even a POST may be repeated.
            may_repeat = request.is_repeatable or isinstance(error, ConnectionRefusedError)
            return None, unreachable(self.target, error), pause if may_repeat else None
        if 200 <= status < 300:
            return data if request.is_raw else self._read(data), None, None
        theirs = headers.get(HEADER, UNKNOWN)
        if status == OtherVersionError.status and not is_compatible(theirs, own_version()):
            return None, other_version(self.target, theirs), None
        refusal = refused(self.target, status, data)
        return None, refusal, _retry_after(status, headers, request, pause)

    def _exchange(self, request: _Request) -> tuple[int, Message, bytes]:
        is_kept = self._http.sock is not None
        if is_kept and not request.is_repeatable:
            # If the server has closed it, nobody could know whether the request got through.
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
        headers = {"Accept": "application/json", "User-Agent": "distnet", HEADER: own_version()}
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
            raise not_ours(self.target, "a reply that is not JSON") from None


def _opened(target: Target, host: str, port: int | None) -> http.client.HTTPConnection:
    """Make the connection; nothing is sent.

    Raises:
        DistnetError: the certificate of the server's CA cannot be read.
    """
    if not target.server.startswith("https:"):
        return http.client.HTTPConnection(host, port, timeout=CONNECT_S)
    return http.client.HTTPSConnection(
        host, port, timeout=CONNECT_S, context=tls_context(target.ca)
    )


def tls_context(ca: str | None) -> ssl.SSLContext:
    """Trust the CA in a file; without one those of the system, or of SSL_CERT_FILE.

    Raises:
        DistnetError: the file cannot be read, or has no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError:
        problem = "found no certificate, expected one in PEM: -----BEGIN CERTIFICATE-----"
    except OSError as error:
        problem = f"cannot be read: {error.strerror}"
    raise DistnetError(f"{ca}: the certificate of the server's CA: {problem}")


def _with_query(path: str, query: Mapping[str, object]) -> str:
    given = {key: value for key, value in query.items() if value is not None}
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def _json(value: object) -> bytes:
    return json.dumps({} if value is None else value, allow_nan=False).encode()


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE_S
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE_S)


def _retry_after(status: int, headers: Message, request: _Request, pause: float) -> float | None:
    """How long to wait before repeating; None if repeating is of no use."""
    seconds = headers.get("Retry-After", "")
    if status not in NOT_NOW or not (request.is_repeatable or seconds):
        return None
    if seconds.isascii() and seconds.isdecimal():
        return max(float(seconds), FIRST_PAUSE_S)
    return None if status == 429 else pause
