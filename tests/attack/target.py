"""The server that is attacked: a process of its own, its ledger on disk, and a still cluster."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import psutil

from distnet.server import start
from distnet.server.gateway.gateway import StartRequest
from distnet.server.settings import Settings
from tests.bench.server_submit import Server, StillCluster, submit_request

USERS = {"eve": "viewer", "mallory": "submitter", "bob": "submitter"}
"""Eve and Mallory attack, Bob works."""
NUM_ATTEMPTS = 20
"""Whose reports must all be taken."""
BEGUN_WITHIN_S = 120.0
NUM_HOSTILE = 4
"""Whose code reports what it likes."""


class NotingCluster(StillCluster):
    """Writes the secrets of attempts to a file: here, the attacker's side reports for them."""

    def __init__(self, secrets: Path) -> None:
        super().__init__()
        self._secrets = secrets

    def start(self, request: StartRequest) -> None:
        with self._secrets.open("a") as file:
            file.write(f"{request.secret}\n")


def serve(ledger: str, folder: Path) -> None:
    """Run the server."""

    def on_start(started: start.Started) -> None:
        facts = {"address": started.address, "token": started.token}
        print(json.dumps(facts), flush=True)  # noqa: T201

    settings = Settings(ledger=ledger, runs=folder, address="")
    start.serve(settings, NotingCluster(folder / "secrets"), port=0, on_start=on_start)


@dataclass
class Target:
    """A running server, tokens of its users and secrets of its attempts."""

    server: Server
    folder: Path
    tokens: dict[str, str]
    secrets: list[str]
    hostile: list[str]
    """Secrets of attempts that attack."""

    @property
    def where(self) -> tuple[str, int]:
        """Host and port."""
        parts = urlsplit(self.server.address)
        return str(parts.hostname), int(parts.port or 0)

    def ledger_mb(self) -> float:
        """The size of the ledger on disk."""
        return sum(path.stat().st_size for path in self.folder.glob("ledger.db*")) / 1e6


@contextmanager
def attackable(folder: Path) -> Iterator[Target]:
    """Start a server with users, a queue and attempts that report; it is killed at the end."""
    ledger = f"sqlite:///{folder}/ledger.db"
    command = [sys.executable, "-m", "tests.attack.target", ledger, str(folder)]
    log = (folder / "server.log").open("w")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process:
        try:
            assert process.stdout is not None
            facts = json.loads(process.stdout.readline())
            server = Server(process, facts["address"], facts["token"], 0.0)
            tokens = _make_users(server)
            secrets = _begin_attempts(server, folder / "secrets")
            mine, hostile = secrets[:NUM_ATTEMPTS], secrets[NUM_ATTEMPTS:]
            yield Target(server, folder, tokens, mine, hostile)
        finally:
            process.kill()


def _make_users(server: Server) -> dict[str, str]:
    tokens = {}
    for user, role in USERS.items():
        status, body = server.request("POST", "/api/v1/tokens", {"user": user, "role": role})
        assert status == 201, body
        tokens[user] = json.loads(body)["secret"]
    return tokens


def _begin_attempts(server: Server, secrets: Path) -> list[str]:
    jobs = [submit_request(iter(range(at, 1000)), "begin") for at in range(500)]
    status, body = server.request("POST", "/api/v1/jobs/bulk", {"jobs": jobs})
    assert status == 201, body
    wanted = NUM_ATTEMPTS + NUM_HOSTILE
    end = time.monotonic() + BEGUN_WITHIN_S
    while not secrets.exists() or len(found := secrets.read_text().split()) < wanted:
        assert time.monotonic() < end, "no attempts begin on the attacked server"
        time.sleep(0.1)
    return found[:wanted]


@dataclass
class Memory:
    """The largest memory of a process within a context, sampled five times a second."""

    process: psutil.Process
    most_mb: float = 0.0
    _is_over: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Memory":
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()
        return self

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._is_over.wait(0.2):
            self.most_mb = max(self.most_mb, self.process.memory_info().rss / 1e6)


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]))
