import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.cluster.ssh.connections import Connections
from tests.cluster.sshd import Client, Sshd, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """One ssh server for the tests of a file."""
    with running(Sshd(tmp_path_factory.mktemp("sshd"))) as server:
        yield server


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client:
    """The ssh of a user who knows no host yet."""
    client = Client(tmp_path / "client")
    monkeypatch.setenv("PATH", f"{client.bin}:{os.environ['PATH']}")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return client


@pytest.fixture
def connections(client: Client, server: Sshd) -> Iterator[Connections]:
    """Connections of a user who knows the server."""
    client.trust(server)
    with Connections([server.host()]) as connections:
        yield connections
