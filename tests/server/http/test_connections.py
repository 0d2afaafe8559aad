"""Connections that are open without a request, or too many of them: others are served as before."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.harness import Harness
from tests.server.http.api import Api
from tests.server.http.live import live
from tests.server.http.test_attempts import begin, said

WHOAMI = "/api/v1/whoami"
LOG = "/api/v1/jobs/digits-1/streams/run?limit=1000000"


@contextmanager
def served(tmp_path: Path, **limits: float) -> Iterator[tuple[Api, str]]:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        api = Api(harness, **limits)
        with live(api) as address:
            yield api, address


def opened(held: ExitStack, address: str) -> socket.socket:
    parts = urlsplit(address)
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20)
    return held.enter_context(closing(connection))


def whole(connection: socket.socket) -> bytes:
    """What the server sends until it closes the connection."""
    data = b""
    while piece := connection.recv(65_536):
        data += piece
    return data


def requested(connection: socket.socket, path: str, token: str = "", extra: str = "") -> int:
    """Send a request on an open connection; returns the status of its response."""
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}{extra}\r\n".encode())
    response = HTTPResponse(connection)
    response.begin()
    response.read()
    return response.status


def refused(api: Api, code: str) -> float:
    """How often a limit was met, by the metrics."""
    text = api.app.state.metrics.text().decode()
    line = f'distnet_http_refused_total{{code="{code}"}} '
    return float(next((x.removeprefix(line) for x in text.splitlines() if line in x), 0))


def test_a_connection_without_a_request_is_closed(tmp_path: Path) -> None:
    with served(tmp_path, head_s=0.2) as (api, address), ExitStack() as held:
        silent, begun = opened(held, address), opened(held, address)
        begun.sendall(b"GET / HTTP/1.1\r\nX: ")
        response = whole(begun).decode()

        assert whole(silent) == b""
        assert response.startswith("HTTP/1.1 408 ")
        assert '"head_too_slow"' in response
        assert "limits.head_within" in response
        assert refused(api, "head_too_slow") == 2


@pytest.mark.check
def test_a_head_that_begins_on_a_used_connection_has_to_end_too(tmp_path: Path) -> None:
    with served(tmp_path, head_s=0.2) as (_, address), ExitStack() as held:
        connection = opened(held, address)
        assert requested(connection, "/healthz") == 200
        connection.sendall(b"G")
        assert whole(connection).startswith(b"HTTP/1.1 408 ")


@pytest.mark.check
def test_what_follows_a_refused_body_does_not_keep_a_connection(tmp_path: Path) -> None:
    with served(tmp_path, head_s=0.2) as (_, address), ExitStack() as held:
        connection = opened(held, address)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000\r\n\r\n")
        response = HTTPResponse(connection)
        response.begin()
        assert (response.status, response.read()[:9]) == (405, b'{"error":')
        connection.sendall(b"x")
        assert whole(connection) == b""


def test_strangers_lose_the_oldest_connection_and_others_none(tmp_path: Path) -> None:
    with served(tmp_path, connections_per_address=5) as (api, address), ExitStack() as held:
        secret, token = begin(api), api.token("ada")
        user, attempt = opened(held, address), opened(held, address)
        assert requested(user, WHOAMI, token) == 200
        assert requested(attempt, "/api/v1/attempt", secret) == 200
        strangers = [opened(held, address) for _ in range(5)]
        assert requested(strangers[-1], "/healthz") == 200, "all five are there"
        newest = [opened(held, address) for _ in range(2)]
        assert requested(newest[-1], "/healthz") == 200

        assert [whole(each) for each in strangers[:2]] == [b"", b""]
        assert requested(strangers[2], "/healthz") == 200
        assert requested(user, WHOAMI, token) == 200
        assert requested(attempt, "/api/v1/attempt", secret) == 200
        assert refused(api, "too_many_connections") == 2


def test_all_strangers_together_have_a_quarter_of_the_connections(tmp_path: Path) -> None:
    with served(tmp_path, connections=8) as (_, address), ExitStack() as held:
        first, _ = (opened(held, address) for _ in range(2))
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert whole(first) == b""


def test_a_user_has_so_many_connections(tmp_path: Path) -> None:
    with served(tmp_path, connections_per_user=2) as (api, address), ExitStack() as held:
        ada, bob = api.token("ada"), api.token("bob")
        open_ = [opened(held, address) for _ in range(2)]
        assert [requested(each, WHOAMI, ada) for each in open_] == [200] * 2
        response = httpx.get(address + WHOAMI, headers={"Authorization": f"Bearer {ada}"})
        other = httpx.get(address + WHOAMI, headers={"Authorization": f"Bearer {bob}"})

        assert (response.status_code, other.status_code) == (429, 200)
        assert response.headers["retry-after"] == "1"
        assert response.json()["error"] == {
            "code": "too_many_connections",
            "message": "found more than 2 connections of user ada at once "
            "(limits.connections_per_user); close some, or try again",
        }
        assert [requested(each, WHOAMI, ada) for each in open_] == [200] * 2
        open_[0].close()
        time.sleep(0.1)
        assert requested(opened(held, address), WHOAMI, ada) == 200


def test_a_client_of_a_proxy_has_connections_of_its_own_address(tmp_path: Path) -> None:
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.settings = replace(harness.settings, proxies=("127.0.0.1",))
        api = Api(harness, connections_per_address=1)
        with live(api) as address, ExitStack() as held:
            first, second, third = (opened(held, address) for _ in range(3))
            assert requested(third, "/healthz", extra="X-Forwarded-For: 10.0.0.1\r\n") == 200
            fourth = opened(held, address)
            assert requested(fourth, "/healthz", extra="X-Forwarded-For: 10.0.0.2\r\n") == 200
            assert requested(third, "/healthz", extra="X-Forwarded-For: 10.0.0.1\r\n") == 200
            assert whole(first) + whole(second) == b""


@pytest.mark.check
def test_reports_from_one_address_are_all_taken(tmp_path: Path) -> None:
    """The nodes of a cluster may reach the server through one address."""
    with served(tmp_path, connections_per_address=3) as (api, address), ExitStack() as held:
        secret = begin(api)
        clients = [held.enter_context(httpx.Client(base_url=address)) for _ in range(10)]
        headers = {"Authorization": f"Bearer {secret}"}
        statuses = [
            client.post("/api/v1/attempt/report", json=said(), headers=headers).status_code
            for _ in range(2)
            for client in clients
        ]

        assert statuses == [200] * 20
        assert refused(api, "too_many_connections") == 0


HEADS = [
    (431, "head_too_large", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 102),
    (431, "head_too_large", b"GET / HTTP/1.1\r\na: " + b"b" * 100_000),
    (431, "head_too_large", b"GET / HTTP/1.1\r\n" + b"b" * 100_000),
    (414, "url_too_long", b"GET /" + b"a" * 17_000),
    (400, "malformed", b"\x16\x03\x01 a TLS client"),
]


def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    with served(tmp_path) as (api, address), ExitStack() as held:
        for status, code, sent in HEADS:
            connection = opened(held, address)
            connection.sendall(sent)
            response = whole(connection).decode()

            assert response.startswith(f"HTTP/1.1 {status} "), response
            assert f'"{code}"' in response
        assert refused(api, "head_too_large") == 3
        assert httpx.get(f"{address}/healthz").status_code == 200


def test_many_requests_at_once_on_a_connection_are_refused(tmp_path: Path) -> None:
    with served(tmp_path) as (api, address), ExitStack() as held:
        connection = opened(held, address)
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
        with suppress(ConnectionResetError):
            whole(connection)
        assert refused(api, "malformed") == 1


def test_trailers_without_end_are_refused(tmp_path: Path) -> None:
    with served(tmp_path) as (api, address), ExitStack() as held:
        connection = opened(held, address)
        head = "POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
        head += f"Authorization: Bearer {api.token('ada')}\r\n\r\n"
        connection.sendall(head.encode() + b"2\r\n{}\r\n0\r\n" + b"a: b\r\n" * 200)

        assert whole(connection).startswith(b"HTTP/1.1 431 ")


def test_a_head_of_a_browser_and_a_large_body_are_taken(tmp_path: Path) -> None:
    with served(tmp_path) as (api, address):
        headers = {"Authorization": f"Bearer {api.token('ada')}", "Content-Type": "text/plain"}
        headers |= {f"X-{at}": "x" * 600 for at in range(90)}
        data = b"x" * 8_000_000
        response = httpx.put(f"{address}/api/v1/code/{'ab' * 32}", content=data, headers=headers)

        assert response.json()["error"]["code"] == "wrong_hash", "so it was read to its end"


def test_a_flood_writes_few_lines_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with served(tmp_path) as (api, address):
        for _ in range(20):
            with ExitStack() as held:
                connection = opened(held, address)
                connection.sendall(b"GET /" + b"a" * 17_000)
                assert whole(connection).startswith(b"HTTP/1.1 414 ")

        assert refused(api, "url_too_long") == 20
        assert caplog.text.count("url_too_long") == 1


def test_a_user_reads_responses_before_it_gets_more(tmp_path: Path) -> None:
    with served(tmp_path, unread_bytes=200_000) as (api, address), ExitStack() as held:
        ada, bob = ({"Authorization": f"Bearer {api.token(name)}"} for name in ("ada", "bob"))
        secret = {"Authorization": f"Bearer {begin(api)}"}
        log = {"stream": "run", "offset": 0, "text": "x" * 900_000}
        report = {**said(), "pieces": [log]}
        assert httpx.post(
            f"{address}/api/v1/attempt/report", json=report, headers=secret
        ).is_success
        parts = urlsplit(address)
        slow = held.enter_context(closing(socket.socket()))
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((parts.hostname, parts.port))
        head = f"GET {LOG} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {ada['Authorization']}"
        slow.sendall(f"{head}\r\n\r\n".encode() * 8)  # the kernel itself keeps about three
        while not api.app.state.guard.connections.unread:
            time.sleep(0.01)

        refusal = httpx.get(address + WHOAMI, headers=ada)
        assert (refusal.status_code, refusal.json()["error"]["code"]) == (429, "too_much_unread")
        assert httpx.get(address + WHOAMI, headers=bob).status_code == 200
        slow.close()
        while api.app.state.guard.connections.unread:
            time.sleep(0.01)
        assert httpx.get(address + WHOAMI, headers=ada).status_code == 200
