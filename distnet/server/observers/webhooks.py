"""Webhooks: call URLs when a job has ended. Off unless the settings have URLs.

Only those URLs are called, at the IP address that was checked, and redirects are not followed; so
no response can make the server call anything else. Messages are delivered at least once while the
server runs; those that are still waiting when it ends are dropped.

    X-Distnet-Signature: sha256=HMAC(secret, TIMESTAMP + "." + BODY)

Source: OWASP, Server-Side Request Forgery Prevention; RFC 2104 (HMAC).
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import logging
import queue
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from distnet.protocol.states import JobState
from distnet.server.ledger.records import EventRecord
from distnet.server.observers.ends import Ends, FindJob
from distnet.server.settings import Webhooks

TIMEOUT_S = 10.0
PAUSES_S = (1.0, 5.0, 30.0, 120.0, 600.0)
MAX_WAITING = 10_000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Message:
    number: int
    body: bytes


class WebhookSender:
    """Sends a message to every URL when a job ends; each URL has a thread of its own."""

    def __init__(
        self, webhooks: Webhooks, find: FindJob, *, pauses_s: tuple[float, ...] = PAUSES_S
    ) -> None:
        self._ends = Ends(find)
        self._is_closed = threading.Event()
        self._endpoints = [
            _Endpoint(url, webhooks, pauses_s, self._is_closed) for url in webhooks.urls
        ]

    def start(self) -> None:
        """Start to deliver."""
        for endpoint in self._endpoints:
            endpoint.thread.start()

    def close(self) -> None:
        """End; a message that is being sent is given up after its timeout."""
        self._is_closed.set()

    def read(self, event: EventRecord) -> None:
        """Take an event; if a job has ended, send a message."""
        job = self._ends.of(event)
        if job is None:
            return
        kind = "job-failed" if job.state is JobState.FAILED else "job-ended"
        body = {"event": kind, "time": event.time, "job": job.model_dump(mode="json")}
        message = _Message(event.number, json.dumps(body).encode())
        for endpoint in self._endpoints:
            endpoint.put(message)


class _Endpoint:
    """Deliveries to one URL, in order."""

    def __init__(
        self,
        url: str,
        webhooks: Webhooks,
        pauses_s: tuple[float, ...],
        is_closed: threading.Event,
    ) -> None:
        self._url = urlsplit(url)
        self._webhooks = webhooks
        self._pauses_s = pauses_s
        self._is_closed = is_closed
        self._waiting: queue.Queue[_Message] = queue.Queue(MAX_WAITING)
        self.thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def put(self, message: _Message) -> None:
        try:
            self._waiting.put_nowait(message)
        except queue.Full:
            logger.warning("webhook %s: too many messages wait; one is dropped", self._url.hostname)

    def _run(self) -> None:
        while not self._is_closed.is_set():
            try:
                message = self._waiting.get(timeout=1.0)
            except queue.Empty:
                continue
            self._deliver(message)

    def _deliver(self, message: _Message) -> None:
        for pause in (*self._pauses_s, None):
            try:
                status = post(self._url, message.body, message.number, self._webhooks)
            except (OSError, http.client.HTTPException, ValueError) as error:
                problem = str(error) or type(error).__name__
            else:
                if 200 <= status < 300:
                    return
                problem = f"it responds with status {status}"
            logger.warning("webhook %s: %s", self._url.hostname, problem)
            if pause is None or self._is_closed.wait(pause):
                return


def post(url: SplitResult, body: bytes, number: int, webhooks: Webhooks) -> int:
    """Send a message once; returns the status of the response, whose body is ignored.

    Raises:
        OSError: the host cannot be reached, or its certificate is invalid.
        ValueError: the host has an address that must not be called.
    """
    host, port = url.hostname or "", url.port or 443
    address = checked_address(host, port, webhooks.private)
    context = ssl.create_default_context(cafile=webhooks.authority)
    connection = _Pinned(host, port, address, context)
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("POST", path, body=body, headers=_headers(body, number, webhooks))
        return connection.getresponse().status
    finally:
        connection.close()


def checked_address(host: str, port: int, private: tuple[str, ...]) -> str:
    """Resolve a host; all its addresses must be public, or in a listed network.

    Raises:
        OSError: it cannot be resolved.
        ValueError: one of its addresses must not be called.
    """
    found = [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    allowed = [ipaddress.ip_network(text) for text in private]
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        is_listed = any(mapped in network for network in allowed)
        if not is_listed and (not mapped.is_global or mapped.is_multicast):
            raise ValueError(f"{text} is not public; list its network under webhooks.private")
    return found[0]


class _Pinned(http.client.HTTPSConnection):
    """Connects to the address that was checked, and requires the host's certificate there."""

    def __init__(self, host: str, port: int, address: str, context: ssl.SSLContext) -> None:
        super().__init__(host, port, timeout=TIMEOUT_S, context=context)
        self._address = address
        self._tls = context

    def connect(self) -> None:
        """Connect without resolving the name again."""
        plain = socket.create_connection((self._address, self.port), TIMEOUT_S)
        try:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)
        except BaseException:
            plain.close()
            raise


def _headers(body: bytes, number: int, webhooks: Webhooks) -> dict[str, str]:
    now = str(int(time.time()))
    signed = hmac.new(webhooks.secret.encode(), now.encode() + b"." + body, hashlib.sha256)
    return {
        "Content-Type": "application/json",
        "User-Agent": "distnet",
        "X-Distnet-Delivery": str(number),
        "X-Distnet-Timestamp": now,
        "X-Distnet-Signature": f"sha256={signed.hexdigest()}",
    }
