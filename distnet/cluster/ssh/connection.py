"""One connection to a host, shared by all that is run there.

    connection = Connection(host, folder); connection.open()
    connection.run(["uname", "-a"]).stdout
    connection.put(data, "~/.distnet/file"); connection.close()

The connection is an `ssh` that runs `cat` on the host. It ends when its stdin does, and so it ends
with this process, however that ends.
"""

import contextlib
import secrets
import shlex
import subprocess
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from distnet.cluster.errors import HostError
from distnet.cluster.host import Host
from distnet.cluster.ssh.command import CONNECT_TIMEOUT_S, share, ssh_command, use
from distnet.cluster.ssh.failures import failure
from distnet.cluster.ssh.process import Ended, Process
from distnet.cluster.ssh.shell import Shell

OPEN_TIMEOUT_S = 3 * CONNECT_TIMEOUT_S
"""For the network, the keys and the user's login scripts."""
CHECK_S = 5.0
SSH_FAILED = 255
NO_SSH = ("found no `ssh` on this machine", "install OpenSSH's client")


class Connection(Shell):
    """A connection to a host.

    Args:
        host: to connect to.
        folder: for the socket; private to the user, and with a short path.
        jump: an open connection to the jump host.
    """

    def __init__(self, host: Host, folder: Path, jump: "Connection | None" = None) -> None:
        super().__init__(host)
        self._jump = jump
        # A number of its own: a socket that ssh left behind must not be in the way.
        through = None if jump is None else jump.command
        self.command: list[str] = ssh_command(host, folder / secrets.token_hex(4), jump=through)
        """The command line of ssh to the host, up to and with its name."""
        self._printed_before = "" if jump is None else jump.errors
        self._master: Process | None = None

    def open(self, timeout_s: float = OPEN_TIMEOUT_S) -> None:
        """Connect, and log in.

        Raises:
            HostError: why not.
        """
        ready = f"distnet-{secrets.token_hex(8)}"
        try:
            master = Process([*share(self.command), f"echo {ready}; cat > /dev/null"])
        except FileNotFoundError:
            raise HostError(self.host.name, "connect", "no-ssh", *NO_SSH) from None
        is_ready = threading.Event()

        def read(line: str) -> None:
            if line.strip() == ready:  # login scripts may print before
                is_ready.set()

        master.read(read)
        self.running.add(master)
        deadline = time.monotonic() + timeout_s
        while not is_ready.wait(0.05) and master.is_running and time.monotonic() < deadline:
            pass
        self.running.discard(master)
        if not is_ready.is_set() and master.is_running:
            master.end()
            raise self.timed_out("connect", timeout_s)
        if not is_ready.is_set():
            raise self._failure("connect", master.wait())
        self._master = master

    @property
    def is_open(self) -> bool:
        """Whether it was opened, and has not broken since."""
        return self._master is not None and self._master.is_running

    @property
    def errors(self) -> str:
        """What ssh has printed about the connection, and all that goes through it."""
        return "" if self._master is None else self._master.errors

    def close(self) -> None:
        """End the connection, and with it what still runs through it."""
        if self._master is not None:
            self._master.end()
            self._master = None

    def _command(self, words: Sequence[str], step: str) -> Sequence[str]:
        if not self.is_open:
            raise self._lost(step)
        return [*use(self.command), shlex.join(words)]

    def _require_reached(self, ended: Ended, step: str) -> None:
        if ended.code == SSH_FAILED and not self._is_alive():
            raise self._lost(step)

    def _is_alive(self) -> bool:
        """Whether the shared connection responds: 255 was then the command's own exit code."""
        check = [*self.command[:1], "-O", "check", *self.command[1:]]
        with contextlib.suppress(subprocess.TimeoutExpired):
            done = subprocess.run(check, capture_output=True, timeout=CHECK_S, check=False)
            return done.returncode == 0 and self.is_open
        return False

    def _lost(self, step: str) -> HostError:
        if self._master is None:
            return HostError(
                self.host.name, step, "lost-connection", "the connection is closed", "open it"
            )
        self._master.end()
        return self._failure(step, self._master.wait())

    def _failure(self, step: str, ended: Ended) -> HostError:
        name = None if self._jump is None else self._jump.host.name
        text = ended.errors
        if self._jump is not None:  # it says why it could not get through
            text += self._jump.errors.removeprefix(self._printed_before)
        if not text.strip() and self._master is not None:
            text = "the connection was closed by remote host"
        elif ended.code not in (0, SSH_FAILED):  # of the shell, such as nologin
            text = f"{text}\n{ended.stdout}"
        return failure(self.host, step, text, jump=name)
