"""Links over real sockets, and what is wrong with them."""

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest

from distnet.cluster.hosts.on_host import links
from distnet.cluster.hosts.on_host.links import Listener, measured, reached, receive
from distnet.launch.ports import free_port

HERE = "127.0.0.1"
SECRET = b"s" * 16


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "CONNECT_S", 1.0)
    monkeypatch.setattr(links, "MESSAGE_S", 0.3)


@pytest.fixture
def black_hole() -> Iterator[int]:
    """The port of a listener that large messages never reach."""
    with socket.create_server((HERE, 0)) as server:

        def serve() -> None:
            with suppress(OSError, EOFError):
                other, _ = server.accept()
                receive(other, 16)
                while receive(other, 4) == bytes(4):
                    other.sendall(links.TIME.pack(0.0))
                threading.Event().wait(5)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_link_that_works_is_measured():
    listener = Listener(HERE, SECRET)

    found = measured(HERE, listener.port, SECRET)

    listener.close()
    assert (found["error"], found["is_large_lost"]) == (None, False)
    assert 0 < found["latency_s"] < 1
    assert abs(found["clock_s"]) <= found["clock_bound_s"] + 0.01


def test_large_messages_that_are_lost_are_noticed(black_hole):
    found = measured(HERE, black_hole, SECRET)

    assert (found["error"], found["is_large_lost"]) == (None, True)


def test_link_without_a_listener_is_refused():
    assert measured(HERE, free_port(HERE), SECRET)["error"] == "refused"


def test_listener_ends_connections_of_others():
    listener = Listener(HERE, SECRET)

    found = measured(HERE, listener.port, b"x" * 16)

    listener.close()
    assert found["error"] == "refused"


def test_listener_that_never_replies_is_silent():
    with socket.create_server((HERE, 0)) as server:
        assert measured(HERE, server.getsockname()[1], SECRET)["error"] == "silent"


def test_services_are_tried():
    with socket.create_server((HERE, 0)) as server:
        port = server.getsockname()[1]
        found = reached([("Ray", HERE, port), ("the server", HERE, free_port(HERE))])

    assert [row["error"] for row in found] == [None, "refused"]
