"""Bodies that come slowly, or not at all: whoever sends them holds up nobody else."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.harness import Harness
from tests.server.http.api import Api, body
from tests.server.http.live import live

LENGTH = 100_000
SENT = 90_000
CODE = f"/api/v1/code/{'ab' * 32}"


@pytest.fixture
def narrow(tmp_path: Path) -> Iterator[Api]:
    """All bodies together may have 400 kB, those of one sender half of it."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        yield Api(harness, body_bytes=LENGTH, bulk_bytes=LENGTH, code_bytes=LENGTH)


def begun(address: str, method: str, path: str, token: str = "", sent: int = 0) -> socket.socket:
    """A request of which only a part of the body is sent."""
    parts = urlsplit(address)
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Length: {LENGTH}",
        "Content-Type: application/json",
        *([f"Authorization: Bearer {token}"] if token else []),
    ]
    connection = socket.create_connection((parts.hostname, parts.port), timeout=20)
    connection.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + b" " * sent)
    return connection


def responded(connection: socket.socket) -> str:
    response = ""
    while not response.endswith("}}"):  # a refusal, and nothing else
        piece = connection.recv(65_536).decode()
        assert piece, f"the response ends with {response[-100:]!r}"
        response += piece
    return response


def is_waiting(connection: socket.socket) -> bool:
    """Whether no response comes yet."""
    connection.settimeout(0.5)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    return False


@pytest.mark.parametrize("path", ["/", "/healthz", "/assets/page.js", "/assets/nothing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_no_body_of_a_request_for_the_page_is_read(api: Api, method: str, path: str) -> None:
    with live(api) as address, closing(begun(address, method, path)) as connection:
        response = responded(connection)

    assert response.startswith("HTTP/1.1 405 ")
    assert '"method_not_allowed"' in response


@pytest.mark.parametrize(
    ("method", "path"),
    [("PUT", CODE), ("POST", "/api/v1/jobs"), ("POST", "/api/v1/jobs/bulk")],
)
def test_no_body_of_a_viewer_is_read(api: Api, method: str, path: str) -> None:
    token = api.token("vic")
    with live(api) as address, closing(begun(address, method, path, token)) as connection:
        response = responded(connection)

    assert response.startswith("HTTP/1.1 403 ")
    assert '"role"' in response
    assert [actor for actor, _ in api.events("denied")] == ["vic"]


def test_slow_uploads_of_one_user_do_not_hold_up_others(api: Api) -> None:
    ada, bob = api.token("ada"), {"Authorization": f"Bearer {api.token('bob')}"}
    with live(api) as address, ExitStack() as held:
        for _ in range(5):
            held.enter_context(closing(begun(address, "PUT", CODE, ada, sent=1000)))
        response = httpx.post(f"{address}/api/v1/jobs/bulk", json={"jobs": [body()]}, headers=bob)

    assert response.status_code == 201


def test_a_sender_has_so_many_bytes_on_their_way_at_most(narrow: Api) -> None:
    ada, bob = narrow.token("ada"), {"Authorization": f"Bearer {narrow.token('bob')}"}
    with live(narrow) as address:
        jobs = f"{address}/api/v1/jobs"
        with ExitStack() as held:
            open_ = [begun(address, "PUT", CODE, ada, sent=SENT) for _ in range(2)]
            for connection in open_:
                held.enter_context(closing(connection))
                assert is_waiting(connection)
            third = held.enter_context(closing(begun(address, "PUT", CODE, ada, sent=SENT)))
            response = responded(third)

            assert response.startswith("HTTP/1.1 503 ")
            assert '"too_many_bytes"' in response
            assert "retry-after: 1" in response
            assert httpx.post(jobs, json=body(), headers=bob).status_code == 201
        time.sleep(0.5)  # the server sees that the others are gone
        with closing(begun(address, "PUT", CODE, ada, sent=SENT)) as connection:
            assert is_waiting(connection)


def test_anonymous_senders_together_have_at_most_half_of_the_memory(narrow: Api) -> None:
    where = "/api/v1/attempt/report"
    bob = {"Authorization": f"Bearer {narrow.token('bob')}"}
    with live(narrow) as address, ExitStack() as held:
        for at in range(6):
            stranger = begun(address, "POST", where, f"secret-{at}", sent=SENT)
            held.enter_context(closing(stranger))
        assert responded(stranger).startswith("HTTP/1.1 503 ")
        assert httpx.post(f"{address}/api/v1/jobs", json=body(), headers=bob).status_code == 201


def test_a_client_that_disconnects_during_its_body_is_no_error(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    with live(api) as address:
        begun(address, "PUT", CODE, api.token("ada"), sent=SENT).close()
        assert httpx.get(f"{address}/healthz").status_code == 200
        time.sleep(0.3)

    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert "Traceback" not in caplog.text
