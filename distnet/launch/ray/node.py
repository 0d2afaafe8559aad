"""Start and end one Ray node on this machine: a head, or a node that joins one.

    RayNode(options) -> start -> wait -> ... -> end -> start again

The node is a `ray start --block` in a session of its own. Ending it kills that process, everything
below it, and whatever carries its mark in the environment, such as a worker whose raylet was killed
before; nothing else. `distnet run` starts its private Ray inside its own process instead
(`cluster.py`), because a `ray start` takes seconds longer.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from distnet.errors import NotEnoughResourcesError
from distnet.launch.ports import free_port
from distnet.launch.processes import below, is_alive, kill
from distnet.launch.ray.guardian import KEPT_ENVIRONMENT, MARK, family

OBJECT_STORE_BYTES = 100_000_000
"""Nothing of distnet travels through the object store, and Ray demands 79 MB."""
LOOPBACK = "127.0.0.1"
NODE_MARK = "DISTNET_NODE"
"""A variable in the environment of all processes of a node."""
NO_PRESTART = {"RAY_enable_worker_prestart": "0", "RAY_prestart_worker_first_driver": "0"}
"""Each process of Ray Train has its own environment, and cannot use a prestarted one."""
STARTED = "Ray runtime started"
START_TIMEOUT_S = 120.0
END_TIMEOUT_S = 10.0
POLL_S = 0.1
LAST_LINES = 5


@dataclass(frozen=True)
class NodeOptions:
    """How to start a Ray node."""

    host: str
    """The address that the node announces and listens on."""
    folder: Path
    """For the node's log and, of a head, Ray's sockets; its path must be short."""
    num_cpus: int
    num_gpus: int = 0
    head: str | None = None
    """`host:port` of the head to join; None starts a head."""
    port: int | None = None
    """Of a head; by default a free one."""
    dashboard: str | None = None
    """Of a head: the `host:port` where its dashboard listens; None starts no dashboard."""
    token: str | None = None
    """The cluster's token; None turns authentication off."""
    arguments: tuple[str, ...] = ()
    """More arguments of `ray start`."""
    mark: str | None = None
    """Carried by all processes of the node in their environment; by default one of its own."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Added to the environment of the node and of all that runs on it."""
    prefix: tuple[str, ...] = ()
    """Put before the command, such as `ip netns exec NAME`."""

    @property
    def credentials(self) -> dict[str, str]:
        """The environment with which a client reaches this Ray."""
        if self.token is None:
            return {"RAY_AUTH_MODE": "disabled"}
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}


class RayNode:
    """One Ray node; after its end it can be started again, with the same address.

    Args:
        options: how to start it.
    """

    def __init__(self, options: NodeOptions) -> None:
        self.options = options
        port = options.port or free_port(options.host)
        self.address = options.head or f"{options.host}:{port}"
        """`host:port` of the head."""
        # Not a default of the options: a node made by `replace` from another's ended that one, too.
        self._mark = options.mark or secrets.token_hex(8)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> psutil.Process:
        """The root of the node's processes."""
        assert self._process is not None, "the node was not started"
        return psutil.Process(self._process.pid)

    @property
    def log(self) -> Path:
        """What the node prints."""
        return self.options.folder / f"node-{self.options.host}.log"

    def start(self) -> None:
        """Start the node, without waiting until it is up."""
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*self.options.prefix, *self._command()],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C at this terminal is not meant for it
            )

    @property
    def is_running(self) -> bool:
        """Whether it was started, and has not ended since."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_up(self) -> bool:
        """Whether it runs, and other programs can use it."""
        return self.is_running and STARTED in self._printed()

    def wait(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the node is up.

        Raises:
            NotEnoughResourcesError: it ended, or is not up in time.
        """
        deadline = time.monotonic() + timeout_s
        while STARTED not in self._printed():
            code = None if self._process is None else self._process.poll()
            if code is not None:
                raise self._failed(f"ended with exit code {code} while it started")
            if time.monotonic() > deadline:
                raise self._failed(f"did not start within {timeout_s:.0f} s")
            time.sleep(POLL_S)

    def end(self) -> None:
        """Kill every process of the node at once, as if its machine had lost its power."""
        if self._process is None:
            return
        deadline = time.monotonic() + END_TIMEOUT_S
        while (left := self.processes()) and time.monotonic() < deadline:
            kill(left)
        self._process.wait()
        self._process = None

    def processes(self) -> set[psutil.Process]:
        """All that run on the node: Ray's own processes, workers and jobs."""
        found = family(self._mark, NODE_MARK)
        if self._process is not None and self._process.poll() is None:
            found |= {self.process, *below(self.process)}
        return {process for process in found if is_alive(process)}

    def _command(self) -> list[str]:
        options = self.options
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", "--block", f"--node-ip-address={options.host}"]
        command += [f"--num-cpus={options.num_cpus}", f"--num-gpus={options.num_gpus}"]
        command += [f"--object-store-memory={OBJECT_STORE_BYTES}", "--disable-usage-stats"]
        command += self._port_option("--dashboard-agent-listen-port")
        command += self.options.arguments
        return command + (self._head_options() if options.head is None else self._join_options())

    def _head_options(self) -> list[str]:
        port = self.address.rpartition(":")[2]
        words = ["--head", f"--port={port}", f"--temp-dir={self.options.folder / 'ray'}"]
        words += self._port_option("--ray-client-server-port")
        if self.options.dashboard is None:
            return [*words, "--include-dashboard=false"]
        host, _, port = self.options.dashboard.rpartition(":")
        return [
            *words,
            "--include-dashboard=true",
            f"--dashboard-host={host}",
            f"--dashboard-port={port}",
        ]

    def _join_options(self) -> list[str]:
        return [f"--address={self.address}"]

    def _port_option(self, name: str) -> list[str]:
        """A free port where Ray would take a fixed one, which another Ray here may hold."""
        try:
            return [f"{name}={free_port(self.options.host)}"]
        except OSError:  # the address of another network namespace, which has all ports free
            return []

    def _environment(self) -> dict[str, str]:
        """That of a machine of its own: without this process's settings of Ray and distnet."""
        kept = {name: value for name, value in os.environ.items() if _is_kept(name)}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        own = {"PATH": path, "RAY_USAGE_STATS_ENABLED": "0", NODE_MARK: self._mark}
        if self.options.host == LOOPBACK:  # else Ray puts the machine's routable address instead
            own["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        given = dict(self.options.environment)
        return kept | own | NO_PRESTART | KEPT_ENVIRONMENT | self.options.credentials | given

    def _printed(self) -> str:
        return self.log.read_text(errors="replace")

    def _failed(self, how: str) -> NotEnoughResourcesError:
        last = "\n".join(self._printed().strip().splitlines()[-LAST_LINES:])
        return NotEnoughResourcesError(
            f"the Ray node at {self.options.host} {how}; its log is {self.log}:\n{last}"
        )


def new_token() -> str:
    """A token for a new Ray."""
    return secrets.token_hex(32)


def _is_kept(name: str) -> bool:
    return name == MARK or not name.startswith(("RAY_", "DISTNET_"))
