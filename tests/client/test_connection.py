"""Talking to a server that restarts, is busy, refuses, or is none."""

import socket
import threading
from pathlib import Path

import pytest

from distnet.client.client import Client
from distnet.client.target import Target, find_target
from distnet.protocol.errors import (
    ConflictError,
    NotFoundError,
    ServerError,
    UnauthenticatedError,
    UnavailableError,
)
from tests.client.fake_server import TOKEN, FakeServer, Listening, make_job


@pytest.fixture
def client(server: FakeServer) -> Client:
    return Client(find_target())


def test_requests_share_one_connection(server: FakeServer, client: Client) -> None:
    for _ in range(3):
        client.whoami()

    assert server.num_connections == 1
    assert set(server.tokens_seen) == {f"Bearer {TOKEN}"}


def test_a_refusal_keeps_its_code_and_message(server: FakeServer, client: Client) -> None:
    server.jobs["digits-1"] = make_job("digits-1", state="finished")

    with pytest.raises(NotFoundError, match="there is no job absent") as absent:
        client.details("absent")
    with pytest.raises(ConflictError, match="digits-1 is finished") as over:
        client.control("digits-1", "cancel")

    assert (absent.value.code, absent.value.status) == ("not_found", 404)
    assert (over.value.code, over.value.exit_code) == ("wrong_state", 2)


@pytest.mark.parametrize(("token", "message"), [(None, "DISTNET_TOKEN"), (f"{TOKEN}x", TOKEN[:15])])
def test_a_wrong_token_is_reported_without_its_secret(
    server: FakeServer, token: str | None, message: str
) -> None:
    with pytest.raises(UnauthenticatedError) as refused:
        Client(Target(server.url, token)).whoami()

    assert message in str(refused.value)
    assert "sss" not in str(refused.value)
    assert len(server.requests) == 1  # it is of no use to ask again


@pytest.mark.parametrize("fault", [503, "drop"])
def test_a_request_is_repeated_while_the_server_is_unavailable(
    fault: int | str, server: FakeServer, client: Client
) -> None:
    server.faults += [fault, fault]

    assert client.whoami()["user"] == "ada"
    assert len(server.requests) == 3


@pytest.mark.parametrize("fault", [503, "drop"])
def test_a_request_that_is_not_repeatable_is_sent_once(
    fault: int | str, server: FakeServer, client: Client
) -> None:
    client.whoami()
    server.faults.append(fault)

    with pytest.raises(UnavailableError):
        client.add_token({})

    assert server.requests[1:] == ["POST /api/v1/tokens"]
    assert len(server.tokens) == (fault == "drop")


def test_who_asks_too_often_waits_as_long_as_the_server_says(
    server: FakeServer, client: Client
) -> None:
    server.faults.append(429)

    client.add_token({})

    assert len(server.requests) == 2


def test_a_request_is_not_repeated_after_a_server_error(server: FakeServer, client: Client) -> None:
    server.faults.append(500)

    with pytest.raises(ServerError, match="come back later"):
        client.whoami()
    assert len(server.requests) == 1


def test_a_server_that_was_restarted_is_found_again(config: Path) -> None:
    fake = FakeServer()
    first = Listening(fake)
    client = Client(Target(fake.url, TOKEN), patience_s=30.0)
    client.whoami()
    first.close()
    answers: list[str] = []
    asking = threading.Thread(target=lambda: answers.append(client.whoami()["user"]))

    asking.start()
    second = Listening(fake, port=int(fake.url.rpartition(":")[2]))
    asking.join()
    second.close()

    assert answers == ["ada"]


def test_an_unreachable_server_is_reported_with_its_address(config: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"

        with pytest.raises(UnavailableError, match="connection refused") as raised:
            Client(Target(address, origin="--server"), patience_s=0.0).whoami()

    assert f"{address} (--server)" in str(raised.value)
    assert "distnet server start" in str(raised.value)


@pytest.mark.parametrize(
    "reply",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
        b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
    ],
    ids=["page", "missing", "elsewhere", "ssh"],
)
def test_something_else_at_the_address_is_reported(reply: bytes, config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(reply)

        serving = threading.Thread(target=serve)
        serving.start()
        target = Target(f"http://127.0.0.1:{listening.getsockname()[1]}", TOKEN)
        with pytest.raises(ServerError) as raised:
            Client(target, patience_s=0.0).whoami()
        serving.join()

    assert target.server in str(raised.value)
    assert "expected a distnet server" in str(raised.value) or "no distnet server" in str(
        raised.value
    )
