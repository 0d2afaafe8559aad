"""A Ray of two nodes on this machine: the second can be switched off like one of a cloud's.

    head 127.0.0.2, second node 127.0.0.3: Linux answers at all of 127.0.0.0/8

127.0.0.1 is none of them: Ray puts the machine's own address in its place. Nodes with other
addresses are open to the network; a token of their own keeps everybody out. They share the cores so
that neither alone has room for all workers.
"""

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from distnet.chaos.family import Family, below, kill, title_of
from distnet.errors import NotEnoughResourcesError
from distnet.launch.ray.guardian import guarded

HEAD, SECOND = "127.0.0.2", "127.0.0.3"
STARTED = "Ray runtime started"
OBJECT_STORE_BYTES = 100_000_000  # nothing of distnet travels through it, and Ray demands 79 MB
START_PATIENCE_S = 90.0
LOOKED_AT_EVERY_S = 0.1
SETTINGS = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token"}
RAYLET_TITLE = "raylet/raylet"


class TwoNodes:
    """The nodes of all trials that need them.

    Args:
        folder: for what the nodes print and for Ray's sockets; its name must be short.
        family: every node is added to it.
        head_cpus: cores of the head.
        second_cpus: cores of the second node.
    """

    def __init__(self, folder: Path, *, family: Family, head_cpus: int, second_cpus: int) -> None:
        self.environment = SETTINGS | {"RAY_AUTH_TOKEN": secrets.token_hex(32)}
        self.address = f"{HEAD}:{_free_port()}"
        self.family = family
        self._folder = folder
        self._second_cpus = second_cpus
        port = self.address.rpartition(":")[2]
        head = ["--head", f"--port={port}", f"--temp-dir={folder / 'ray'}"]
        client = f"--ray-client-server-port={_free_port()}"
        self._start(HEAD, head_cpus, [*head, client, "--include-dashboard=false"])
        self._second = self._start_second()
        self.wait()

    def switch_off(self, *, with_workers: bool) -> str:
        """Kill the second node as if its machine had lost its power; returns what was killed.

        Args:
            with_workers: all below the raylet is killed in the same moment, too; otherwise that
                is left to itself.
        """
        raylet = next(
            process
            for process in below(psutil.Process(self._second.pid))
            if RAYLET_TITLE in title_of(process)
        )
        lost = below(raylet)
        raylet.kill()
        if with_workers:
            kill(lost)
        also = f" and {len(lost)} processes below it" if with_workers else ""
        return f"raylet {raylet.pid} of {SECOND}{also}"

    def replace(self) -> None:
        """Start another second node in place of one that is off, without waiting for it."""
        kill([*below(psutil.Process(self._second.pid)), psutil.Process(self._second.pid)])
        self._second.wait()
        self._second = self._start_second()

    def wait(self) -> None:
        """Wait until both nodes are up.

        Raises:
            NotEnoughResourcesError: one did not come up.
        """
        deadline = time.monotonic() + START_PATIENCE_S
        for address in (HEAD, SECOND):
            while STARTED not in self._log(address).read_text(errors="replace"):
                if time.monotonic() > deadline:
                    raise NotEnoughResourcesError(self._why_not(address))
                time.sleep(LOOKED_AT_EVERY_S)

    def _start_second(self) -> "subprocess.Popen[bytes]":
        return self._start(SECOND, self._second_cpus, [f"--address={self.address}"])

    def _start(self, host: str, cpus: int, options: list[str]) -> "subprocess.Popen[bytes]":
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", "--block", f"--node-ip-address={host}", f"--num-cpus={cpus}"]
        command += ["--num-gpus=0", f"--object-store-memory={OBJECT_STORE_BYTES}", *options]
        with self._log(host).open("wb") as log:
            node = subprocess.Popen(
                command,
                env=_environment() | self.environment | self.family.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.family.add(node.pid)
        return node

    def _log(self, host: str) -> Path:
        return self._folder / f"{host}.log"

    def _why_not(self, host: str) -> str:
        last = self._log(host).read_text(errors="replace").strip().splitlines()[-5:]
        return (
            f"--kill raylet: a Ray node at {host} did not start within {START_PATIENCE_S:.0f} s; "
            "leave raylet out of --kill, or mend what Ray says:\n" + "\n".join(last)
        )


@contextlib.contextmanager
def two_nodes(mark: str, *, workers: int, cpus: int) -> Iterator[TwoNodes]:
    """Run the nodes for the time of the context; nothing of them is left behind, even if killed.

    Args:
        mark: of their processes.
        workers: of the job.
        cpus: cores a worker.

    Raises:
        NotEnoughResourcesError: they could not be started, or not on this system.
    """
    if sys.platform != "linux":
        raise NotEnoughResourcesError(
            f"--kill raylet: found {sys.platform}, expected Linux, which has addresses for a "
            "second node; leave raylet out of --kill"
        )
    family, on_second = Family(mark), max(1, workers // 2)
    with (
        tempfile.TemporaryDirectory(prefix="distnet-chaos-", dir="/tmp") as name,
        guarded(Path(name)),
    ):
        try:
            yield TwoNodes(
                Path(name),
                family=family,
                head_cpus=(workers - on_second) * cpus,
                second_cpus=on_second * cpus,
            )
        finally:
            family.end()


def _environment() -> dict[str, str]:
    """That of a machine in a cluster: what Ray was told about this one does not hold there."""
    return {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}


def _free_port() -> int:
    with socket.create_server((HEAD, 0)) as server:
        return int(server.getsockname()[1])
