"""A Ray as a server finds it: a head with a dashboard, other nodes, a token; on this machine alone.

    head 127.0.1.1, other nodes 127.0.1.2, ...: Linux answers at all of 127.0.0.0/8

Nodes are killed by process id, as machines that lose their power, and can be started again.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from distnet.chaos.family import Family, below, kill

ROOT = Path(__file__).parents[2]
STARTED = "Ray runtime started"
START_PATIENCE_S = 120.0
LOOKED_AT_EVERY_S = 0.1


def host(index: int) -> str:
    """The address of a node; the head is node 0."""
    return f"127.0.1.{index + 1}"


@dataclass
class RayHead:
    """A Ray cluster; node 0 is the head."""

    folder: Path
    """For sockets and logs; its name must be short."""
    family: Family
    more: dict[str, str] = field(default_factory=dict)
    """Added to the environment of all nodes, such as RAY_testing_rpc_failure."""
    token: str = field(default_factory=lambda: secrets.token_hex(32))
    _nodes: dict[int, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._port, self._dashboard_port, self._client_port = (free_port() for _ in range(3))

    @property
    def address(self) -> str:
        """Of the head, for drivers."""
        return f"{host(0)}:{self._port}"

    @property
    def dashboard(self) -> str:
        """Of the dashboard, for a RayGateway."""
        return f"http://{host(0)}:{self._dashboard_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What a client of this Ray needs."""
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token}

    def start(self, index: int = 0, *, cpus: int) -> None:
        """Start a node, and wait until it is one; a head is always a new, empty one."""
        options = [f"--address={self.address}"]
        if index == 0:
            options = ["--head", f"--port={self._port}", f"--temp-dir={self.folder / 'ray'}"]
            options += [f"--dashboard-host={host(0)}", f"--dashboard-port={self._dashboard_port}"]
            options += ["--include-dashboard=true", f"--ray-client-server-port={self._client_port}"]
        ray = str(Path(sys.executable).with_name("ray"))
        command = [ray, "start", "--block", f"--node-ip-address={host(index)}", *options]
        command += [f"--dashboard-agent-listen-port={free_port(index)}", f"--num-cpus={cpus}"]
        command += ["--num-gpus=0", "--object-store-memory=100000000"]
        log = self.folder / f"node-{index}.log"
        with log.open("wb") as output:
            node = subprocess.Popen(
                command,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.family.add(node.pid)
        self._nodes[index] = node
        deadline = time.monotonic() + START_PATIENCE_S
        while STARTED not in log.read_text(errors="replace"):
            is_late = time.monotonic() > deadline or node.poll() is not None
            assert not is_late, f"no Ray node at {host(index)}: {log.read_text()[-2000:]}"
            time.sleep(LOOKED_AT_EVERY_S)

    def kill(self, index: int = 0) -> None:
        """Kill all processes of a node, its workers and jobs too."""
        node = self._nodes.pop(index)
        kill([*below(psutil.Process(node.pid)), psutil.Process(node.pid)])
        node.wait()

    def ray(self, *words: str) -> str:
        """Run Ray's own command line as a client of this Ray; returns what it prints."""
        command = [str(Path(sys.executable).with_name("ray")), *words]
        return subprocess.check_output(command, env=self._environment(), text=True, timeout=120)

    def _environment(self) -> dict[str, str]:
        """That of a machine of the cluster on which distnet's environment is active."""
        here = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "DISTNET_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        own = {"PATH": path, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
        return here | own | self.environment | self.family.environment | self.more


@contextmanager
def a_ray(*cpus: int, **more: str) -> Iterator[RayHead]:
    """A Ray with so many CPUs on each node, the head first; this process has its token meanwhile.

    Args:
        cpus: of each node.
        more: added to the environment of all nodes.
    """
    folder = Path(tempfile.mkdtemp(prefix="distnet-ray-", dir="/tmp"))
    head = RayHead(folder, Family(f"ray-head-{os.getpid()}-{folder.name}"), more)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.callback(head.family.end)
        for index, count in enumerate(cpus):
            head.start(index, cpus=count)
        stack.enter_context(trusted(head))
        yield head


@contextmanager
def trusted(head: RayHead) -> Iterator[None]:
    """Give this process the token of a Ray; Ray itself remembers one for good."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in head.environment.items():
            patch.setenv(name, value)
        _forget_token()
        yield
    _forget_token()


@pytest.fixture(scope="module")
def ray_head() -> Iterator[RayHead]:
    """A head without CPUs for workers, and a second node with four."""
    with a_ray(0, 4) as head:
        yield head


def free_port(index: int = 0) -> int:
    """A port of a node at which nobody listens; by itself Ray always takes the same for some."""
    with socket.create_server((host(index), 0)) as listener:
        return int(listener.getsockname()[1])


def _forget_token() -> None:
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
