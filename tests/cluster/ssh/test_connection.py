"""Commands and files over real ssh connections."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from distnet.cluster.errors import HostError
from distnet.cluster.ssh.connection import Connection
from distnet.cluster.ssh.connections import Connections
from tests.cluster.sshd import Client, Sshd


@pytest.fixture(scope="module")
def connection(server: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Connection]:
    """One connection for the tests that do not end it."""
    client = Client(tmp_path_factory.mktemp("client") / "client")
    client.trust(server)
    with pytest.MonkeyPatch.context() as patch, Connections([server.host()]) as connections:
        patch.setenv("PATH", f"{client.bin}:{os.environ['PATH']}")
        yield connections.get(server.host())


HOLDER = """
import sys, time
from distnet.cluster.ssh.connection import Connection
from distnet.cluster.ssh.connections import Connections
from tests.cluster.sshd import Sshd
from pathlib import Path
host = Sshd(Path(sys.argv[1]), port=int(sys.argv[2])).host()
Connections([host]).get(host)
print("open", flush=True)
time.sleep(600)
"""


def test_command_runs_with_its_words_input_and_exit_code(connection):
    words = ["it's", 'a "b"', "$HOME", "c d", "*", "!", "é"]

    echoed = connection.run(["printf", "%s\\n", *words])
    ended = connection.run(["sh", "-c", "cat; echo bad >&2; exit 7"], data=b"x" * 300_000)

    assert echoed.stdout.splitlines() == words
    assert (ended.code, len(ended.output), ended.errors) == (7, 300_000, "bad\n")


def test_lines_are_given_as_they_come(connection):
    lines: list[str] = []

    connection.run(["sh", "-c", "echo one; echo two"], on_line=lines.append)

    assert lines == ["one", "two"]


def test_all_commands_share_one_login(connections, server):
    before = server.log.read_text().count("Accepted publickey")

    for _ in range(3):
        assert connections.get(server.host()).run(["true"]).code == 0

    assert server.log.read_text().count("Accepted publickey") == before + 1


def test_exit_code_255_of_a_command_is_its_own(connection):
    assert connection.run(["sh", "-c", "exit 255"]).code == 255


def test_file_is_written_whole_and_private_and_read_back(connection, tmp_path):
    path = tmp_path / "new folder" / "it's"
    data = os.urandom(200_000)

    connection.put(data, str(path))

    assert path.read_bytes() == data == connection.get(str(path))
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_file_that_cannot_be_written_is_named(connection, tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(HostError, match=r"gpu1: token: .*cannot create directory") as raised:
        connection.put(b"x", str(tmp_path / "file" / "x"), step="token")

    assert (raised.value.host, raised.value.step) == ("gpu1", "token")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_full_disk_is_named(connection):
    with pytest.raises(HostError, match=r"No space left on device; free space") as raised:
        connection.check(connection.run(["sh", "-c", "echo x | cat > /dev/full"]), "copy")

    assert raised.value.kind == "no-space"


@pytest.mark.check
def test_command_has_a_time_limit(connections, server):
    with pytest.raises(HostError, match=r"gpu1: probe: .* within 0 s") as raised:
        connections.get(server.host()).run(["sleep", "60"], step="probe", timeout_s=0.2)

    assert raised.value.kind == "time-out"
    assert connections.get(server.host()).run(["true"]).code == 0


def test_socket_is_in_a_private_folder_that_goes(client, server):
    client.trust(server)
    with Connections([server.host()]) as connections:
        words = connections.get(server.host()).command
        socket = Path(next(w for w in words if w.startswith("ControlPath=")).partition("=")[2])
        assert socket.is_socket()
        assert socket.parent.stat().st_mode & 0o777 == 0o700
        assert len(str(socket)) < 60

    assert not socket.parent.exists()
    assert all("Checking=no" not in word for word in words)


@pytest.mark.check
def test_connection_ends_with_a_process_that_was_killed(client: Client, server: Sshd):
    client.trust(server)
    assert server.process is not None
    daemon = psutil.Process(server.process.pid)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(server.folder), str(server.port)],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"open\n"
    assert daemon.children()

    holder.send_signal(signal.SIGKILL)
    holder.wait()

    deadline = time.monotonic() + 10
    while daemon.children() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not daemon.children()
