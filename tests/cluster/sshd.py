"""A real ssh server on this machine, for whoever runs the tests, and a client that trusts it."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from distnet.cluster.host import Host
from distnet.launch.ports import free_port
from tests.needs import SSHD

PROGRAM = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@dataclass
class Sshd:
    """A server with one host key and one user key."""

    folder: Path
    settings: str = ""
    """More lines of its configuration."""
    address: str = "127.0.0.1"
    port: int = field(default_factory=lambda: free_port("127.0.0.1"))
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        if PROGRAM is None:
            SSHD.skip()
        if os.geteuid() == 0:  # where the server's unprivileged part lives
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("host_key", "user_key"):
            make_key(self.folder / name)
        shutil.copy(self.folder / "user_key.pub", self.folder / "authorized_keys")
        config = self.folder / "sshd_config"
        config.write_text(self._config())
        with self.log.open("wb") as log:
            command = [PROGRAM, "-D", "-e", "-f", str(config)]
            self.process = subprocess.Popen(command, stderr=log, start_new_session=True)
        wait_for_port(self.address, self.port)

    def end(self) -> None:
        """End it, and all its connections, as if the machine had lost its power."""
        if self.process is not None:
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None

    def end_connections(self) -> None:
        """End the connections, but not the server."""
        assert self.process is not None
        for child in psutil.Process(self.process.pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "log"

    def known_hosts_line(self, name: str | None = None) -> str:
        """The line that makes a client trust it."""
        key = (self.folder / "host_key.pub").read_text().strip()
        return f"[{name or self.address}]:{self.port} {key}\n"

    def host(self, name: str = "gpu1", **settings: object) -> Host:
        """The host of a cluster file that this is."""
        known = {
            "hostname": self.address,
            "user": getpass.getuser(),
            "port": self.port,
            "key": self.folder / "user_key",
        }
        return Host(name=name, **(known | settings))

    def _config(self) -> str:
        return f"""{self.settings}
ListenAddress {self.address}
Port {self.port}
HostKey {self.folder}/host_key
AuthorizedKeysFile {self.folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin yes
LogLevel VERBOSE
"""


class Client:
    """The `ssh` of a user with a configuration of their own: OpenSSH ignores $HOME.

    Args:
        folder: for the configuration, and for the program to put on PATH.
    """

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.known_hosts = folder / "known_hosts"
        self.config = folder / "config"
        self.bin.mkdir(parents=True)
        self.known_hosts.touch()
        self.config.write_text(
            f"Host *\n  UserKnownHostsFile {self.known_hosts}\n  IdentityAgent none\n"
            "  GlobalKnownHostsFile /dev/null\n"
        )
        for name in ("ssh", "scp"):
            program = self.bin / name
            program.write_text(f'#!/bin/sh\nexec {shutil.which(name)} -F {self.config} "$@"\n')
            program.chmod(0o755)

    def trust(self, server: Sshd) -> None:
        """Accept the host key of a server."""
        with self.known_hosts.open("a") as file:
            file.write(server.known_hosts_line())


@contextmanager
def running(server: Sshd) -> Iterator[Sshd]:
    """A server that runs within the context."""
    try:
        server.start()
        yield server
    finally:
        server.end()


def make_key(path: Path, passphrase: str = "") -> None:
    """Make a pair of keys."""
    if not path.exists():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(path)]
        subprocess.run(command, check=True)


def wait_for_port(address: str, port: int, timeout_s: float = 10) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            socket.create_connection((address, port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, f"nobody listens on {address}:{port}"
            time.sleep(0.02)
