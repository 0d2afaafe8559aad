"""Every failure of ssh is named by host and step, with a remedy."""

import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.connection import Connection
from distnet.cluster.ssh.connections import Connections
from distnet.cluster.ssh.failures import failure
from distnet.launch.ports import free_port
from tests.cluster.sshd import Client, Sshd, make_key, running

REAL_TEXTS = {
    # What OpenSSH 8.9 to 10.0 print.
    "ssh: connect to host 10.0.0.9 port 22: No route to host": "unreachable",
    "ssh: connect to host 10.0.0.9 port 22: Network is unreachable": "unreachable",
    "ssh: connect to host gpu1.lab port 22: Connection timed out": "time-out",
    "ssh: connect to host gpu1.lab port 22: Operation timed out": "time-out",
    "Connection timed out during banner exchange\nConnection to 10.0.0.9 port 22 timed out": (
        "time-out"
    ),
    "ssh: connect to host gpu1.lab port 22: Connection refused": "port-closed",
    "ssh: Could not resolve hostname gpu1.lab: nodename nor servname provided, or not known": (
        "unknown-name"
    ),
    "ssh: Could not resolve hostname gpu1: Temporary failure in name resolution": "unknown-name",
    "anna@gpu1.lab: Permission denied (publickey,gssapi-keyex,gssapi-with-mic,password).": (
        "wrong-key"
    ),
    "anna@gpu1.lab: Permission denied (keyboard-interactive).": "second-factor",
    "Received disconnect from 10.0.0.9 port 22:2: Too many authentication failures\n"
    "Disconnected from 10.0.0.9 port 22": "too-many-keys",
    "No ED25519 host key is known for gpu1.lab and you have requested strict checking.\n"
    "Host key verification failed.": "unknown-host-key",
    "Warning: Identity file /home/anna/.ssh/lab not accessible: No such file or directory.\n"
    "anna@gpu1.lab: Permission denied (publickey).": "key-file",
    "@ WARNING: UNPROTECTED PRIVATE KEY FILE! @\nPermissions 0644 for '/home/anna/lab' are too "
    'open.\nLoad key "/home/anna/lab": bad permissions\nanna@gpu1: Permission denied '
    "(publickey).": "key-file",
    'Load key "/home/anna/lab": invalid format\nanna@gpu1: Permission denied (publickey).': (
        "key-file"
    ),
    "/home/anna/.ssh/config: line 3: Bad configuration option: hostnme\n"
    "/home/anna/.ssh/config: terminating, 1 bad configuration options": "ssh-config",
    "Bad owner or permissions on /home/anna/.ssh/config": "ssh-config",
    "kex_exchange_identification: Connection closed by remote host\n"
    "Connection closed by 10.0.0.9 port 22": "refused-by-server",
    "kex_exchange_identification: read: Connection reset by peer": "refused-by-server",
    "Unable to negotiate with 10.0.0.9 port 22: no matching host key type found. Their offer: "
    "ssh-rsa": "old-ssh",
    "Timeout, server gpu1.lab not responding.": "lost-connection",
    "client_loop: send disconnect: Broken pipe": "lost-connection",
    "Connection to gpu1.lab closed by remote host.": "lost-connection",
    "WARNING: Your password has expired.\nPassword change required but no TTY available.": (
        "expired-account"
    ),
    "channel 0: open failed: administratively prohibited: open failed\nstdio forwarding failed\n"
    "Connection closed by UNKNOWN port 65535": "unreachable",
    "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\n"
    "Connection closed by UNKNOWN port 65535": "port-closed",
    "stdio forwarding failed\nConnection closed by UNKNOWN port 65535": "jump-host",
    "something that no release has printed yet": "ssh",
}


@pytest.mark.parametrize(("text", "kind"), REAL_TEXTS.items(), ids=list(REAL_TEXTS.values()))
def test_texts_of_ssh_are_classified(text: str, kind: str) -> None:
    host = Host("gpu1", "gpu1.lab", user="anna", port=2222)

    error = failure(host, "connect", text)

    assert error.kind == kind
    assert str(error).startswith(f"gpu1: connect: {error.found}; ")
    assert error.remedy
    assert "{" not in str(error)


def connect(host: Host, *others: Host) -> HostError:
    """Why a host cannot be connected."""
    with Connections([host, *others]) as connections, pytest.raises(HostError) as raised:
        connections.get(host)
    assert raised.value.host == host.name
    assert raised.value.step == "connect"
    return raised.value


def test_unknown_host_key_is_not_accepted(client: Client, server: Sshd) -> None:
    error = connect(server.host())

    assert error.kind == "unknown-host-key"
    assert f"-p {server.port} {server.host().user}@127.0.0.1" in error.remedy
    assert client.known_hosts.read_text() == ""


def test_changed_host_key_is_named_with_its_line(client, server, tmp_path):
    make_key(tmp_path / "other")
    key = (tmp_path / "other.pub").read_text()
    client.known_hosts.write_text(f"[127.0.0.1]:{server.port} {key}")

    error = connect(server.host())

    assert error.kind == "changed-host-key"
    assert f"{client.known_hosts}:1" in error.found
    assert f"ssh-keygen -R '[127.0.0.1]:{server.port}'" in error.remedy


def test_wrong_key_is_named(client, server, tmp_path):
    client.trust(server)
    make_key(tmp_path / "other")

    assert connect(server.host(key=tmp_path / "other")).kind == "wrong-key"


@pytest.mark.check
def test_key_with_a_passphrase_is_not_waited_for(client, server, tmp_path):
    client.trust(server)
    make_key(tmp_path / "locked", passphrase="secret")

    error = connect(server.host(key=tmp_path / "locked"))

    assert error.kind == "wrong-key"
    assert "ssh-add" in error.remedy


@pytest.mark.check
def test_missing_and_open_key_files_are_named(client, server, tmp_path):
    client.trust(server)
    shutil.copy(server.folder / "user_key", tmp_path / "open")
    (tmp_path / "open").chmod(0o644)

    assert "absent" in connect(server.host(key=tmp_path / "absent")).found
    assert connect(server.host(key=tmp_path / "absent")).kind == "key-file"
    open_key = connect(server.host(key=tmp_path / "open"))
    assert open_key.kind == "key-file", str(open_key)


def test_closed_port_and_unknown_name_are_named(client, server):
    assert connect(server.host(port=free_port("127.0.0.1"))).kind == "port-closed"
    assert connect(server.host(hostname="nowhere.invalid")).kind == "unknown-name"


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.mark.check
def test_silent_host_is_given_up(client, server, listener, tmp_path):
    host = server.host(port=listener.getsockname()[1])

    with pytest.raises(HostError, match="gpu1: connect: nothing came of it") as raised:
        Connection(host, tmp_path).open(timeout_s=0.3)

    assert raised.value.kind == "time-out"


def test_port_of_something_else_is_named(client, server, listener):
    def reply() -> None:
        connected, _ = listener.accept()
        connected.close()

    threading.Thread(target=reply).start()

    assert connect(server.host(port=listener.getsockname()[1])).kind == "refused-by-server"


def test_jump_host_leads_to_a_host_and_is_named_when_it_fails(client, server, tmp_path):
    client.trust(server)
    with running(Sshd(tmp_path / "inner")) as inner:
        client.trust(inner)
        gate = server.host("gate")
        behind = inner.host("gpu1", jump="gate")

        with Connections([gate, behind]) as connections:
            assert connections.get(behind).run(["echo", "through"]).stdout == "through\n"
            source = connections.get(behind).run(["sh", "-c", "echo $SSH_CONNECTION"]).stdout
            assert source.split()[3] == str(inner.port)
        refused = connect(inner.host("gpu1", jump="gate", port=free_port("127.0.0.1")), gate)
        broken = connect(behind, server.host("gate", port=free_port("127.0.0.1")))

    assert "through the jump host gate" in refused.found
    assert refused.kind in ("port-closed", "jump-host")
    assert broken.kind == "jump-host"
    assert "the jump host gate cannot be connected" in broken.found
    assert "Connection refused" in broken.found


def test_jump_hosts_in_a_circle_are_named(client, server):
    first, second = server.host("a", jump="b"), server.host("b", jump="a")

    assert "a -> b -> a" in connect(first, second).found


@pytest.mark.check
def test_server_that_dies_during_a_command_is_a_lost_connection(client, tmp_path):
    with running(Sshd(tmp_path / "dying")) as dying:
        client.trust(dying)
        with Connections([dying.host()]) as connections:
            connection = connections.get(dying.host())

            with pytest.raises(HostError, match="gpu1: install: ") as raised:
                connection.run(
                    ["sh", "-c", "echo go; sleep 60"],
                    step="install",
                    on_line=lambda _: dying.end_connections(),
                )

    assert raised.value.kind == "lost-connection"


@pytest.mark.check
def test_account_that_may_not_log_in_is_named(client, tmp_path):
    settings = "ForceCommand echo 'This account is currently not available.'; exit 1"
    with running(Sshd(tmp_path / "closed", settings=settings)) as closed:
        client.trust(closed)

        error = connect(closed.host())

    assert error.kind == "expired-account"
    assert "not available" in error.found


@pytest.mark.check
def test_machine_without_ssh_is_named(server, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    error = connect(server.host())

    assert error.kind == "no-ssh"
    assert os.environ["PATH"] == str(tmp_path)
