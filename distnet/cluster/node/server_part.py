"""The distnet server beside Ray's head."""

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

from distnet.cluster.node.settings import DATA, TOKEN, NodeSettings, ServerSettings

CONNECT_S = 0.5
END_S = 15.0
LAST_LINES, TAIL_BYTES = 3, 2000
LOG = "server.log"


class ServerPart:
    """The server, as `distnet server start` runs it.

    Args:
        settings: of the node.
        server: of the server.
        folder: of the cluster on this host.
    """

    name = "server"

    def __init__(self, settings: NodeSettings, server: ServerSettings, folder: Path) -> None:
        self._server, self._folder = server, folder
        self._dashboard = f"http://127.0.0.1:{settings.dashboard_port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting."""
        (self._folder / DATA).mkdir(mode=0o700, exist_ok=True)
        with (self._folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "distnet.cli", *self._words()],
                env=_environment(self._folder),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_up(self) -> bool:
        """Whether it accepts connections."""
        if not self.is_running:
            return False
        with contextlib.suppress(OSError):
            where = (self._server.listen, self._server.port)
            socket.create_connection(where, timeout=CONNECT_S).close()
            return True
        return False

    @property
    def pid(self) -> int | None:
        """Of its process."""
        return self._process.pid if self._process is not None and self.is_running else None

    def end_message(self) -> str:
        """Why it has ended."""
        with (self._folder / LOG).open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = log.read().decode(errors="replace").strip().splitlines()
        return f"the server ended: {' / '.join(lines[-LAST_LINES:]) or 'without a message'}"

    def end(self) -> None:
        """End it; jobs go on without it."""
        if self._process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.terminate()
            self._process.wait(END_S)
        self._process.kill()
        self._process.wait()

    def _words(self) -> list[str]:
        server = self._server
        host = f"[{server.listen}]" if ":" in server.listen else server.listen
        return [
            *("server", "start", "--listen", f"{host}:{server.port}"),
            *("--address", server.address, "--ray", self._dashboard),
            *("--runs", server.runs),
            *(("--checkpoints", server.checkpoints) if server.checkpoints else ()),
        ]


def server_environment(folder: str) -> dict[str, str]:
    """Where the commands of a cluster's server have their ledger and contexts.

    Args:
        folder: of the cluster on the head, an absolute path.
    """
    return {"XDG_STATE_HOME": f"{folder}/{DATA}", "DISTNET_CONFIG": f"{folder}/config"}


def _environment(folder: Path) -> dict[str, str]:
    has_token = (folder / TOKEN).stat().st_size > 0
    own = {
        "RAY_AUTH_MODE": "token" if has_token else "disabled",
        "RAY_AUTH_TOKEN_PATH": str(folder / TOKEN),
        **server_environment(str(folder)),
    }
    here = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
    return here | own
