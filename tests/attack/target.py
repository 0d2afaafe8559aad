"""A server process to be attacked: real HTTP, its ledger on disk, a cluster in memory.

Attempts start at once, and the secret of each lies in a file, as a job's own code would find it.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import psutil

from distnet.scheduler.view import Node
from distnet.server.gateway.gateway import ProcessStatus, StartRequest
from distnet.server.settings import Limits, Settings
from distnet.server.start import Started, serve
from tests.bench.server_submit import SPEC, StillCluster

NODES = tuple(Node(f"node-{n}", 2, 0, f"node-{n}") for n in range(4))
START_S = 20.0


class OpenCluster(StillCluster):
    """A cluster that shows the secret of each attempt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def snapshot(self) -> Any:
        return replace(super().snapshot(), nodes=NODES)

    def start(self, request: StartRequest) -> None:
        (self._folder / request.submission).write_text(request.secret)

    def status(self, submission: str) -> ProcessStatus:
        return ProcessStatus.RUNNING


@dataclass
class Target:
    """The server as its users and attackers reach it."""

    process: psutil.Process
    address: str
    token: str
    folder: Path

    @property
    def user(self) -> httpx.Client:
        """A client of the admin."""
        return self.client(self.token)

    def client(self, secret: str) -> httpx.Client:
        """A client with a token, or with the secret of an attempt."""
        headers = {"Authorization": f"Bearer {secret}"}
        return httpx.Client(base_url=self.address, headers=headers, timeout=120)

    def begin(self, name: str) -> str:
        """Submit a job; returns the secret of its attempt."""
        before = set(self._secrets())
        request = {"key": f"attack-{name}", "spec": SPEC, "name": name, "workers": 1}
        response = self.user.post("/api/v1/jobs", json=request)
        assert response.status_code == 201, response.text
        end = time.monotonic() + START_S
        while not (new := set(self._secrets()) - before):
            assert time.monotonic() < end, f"{name} did not start"
            time.sleep(0.05)
        return new.pop().read_text()

    def ledger_mb(self) -> float:
        """The size of the ledger on disk."""
        return sum(path.stat().st_size for path in self.folder.glob("ledger.db*")) / 1e6

    def memory_mb(self) -> float:
        """The memory of the process."""
        return float(self.process.memory_info().rss) / 1e6

    def _secrets(self) -> list[Path]:
        return list((self.folder / "secrets").iterdir())


@contextmanager
def target() -> Iterator[Target]:
    """Start a server; it is killed at the end, and its folder removed."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.attack.target", folder]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                facts = json.loads(process.stdout.readline())
                yield Target(psutil.Process(process.pid), folder=Path(folder), **facts)
            finally:
                process.kill()


def main(folder: Path) -> None:
    """Run the server that is attacked."""

    def on_start(started: Started) -> None:
        print(json.dumps({"address": started.address, "token": started.token}), flush=True)  # noqa: T201

    (folder / "secrets").mkdir()
    settings = Settings(
        ledger=f"sqlite:///{folder}/ledger.db", runs=folder / "runs", address="", limits=Limits()
    )
    serve(settings, OpenCluster(folder / "secrets"), port=0, on_start=on_start)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
