"""A Ray as a server finds it: a head with a dashboard, other nodes, a token; on this machine alone.

    head 127.0.1.1, other nodes 127.0.1.2, ...: Linux responds at all of 127.0.0.0/8

Nodes are killed by process id, as machines that lose their power, and can be started again.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

from distnet.errors import NotEnoughResourcesError
from distnet.launch.ports import free_port
from distnet.launch.ray.node import NodeOptions, RayNode, new_token

ROOT = Path(__file__).parents[2]
REPORT_LENGTH = 2_000
"""Characters of a log."""


def host(index: int) -> str:
    """The address of a node; the head is node 0."""
    return f"127.0.1.{index + 1}"


@dataclass
class RayHead:
    """A Ray cluster; node 0 is the head."""

    folder: Path
    """For sockets and logs; its name must be short."""
    more: dict[str, str] = field(default_factory=dict)
    """Added to the environment of all nodes, such as RAY_testing_rpc_failure."""
    token: str = field(default_factory=new_token)
    _nodes: dict[int, RayNode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._port, self._dashboard_port = free_port(host(0)), free_port(host(0))

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
        return self._options(0, cpus=0).credentials

    def start(self, index: int = 0, *, cpus: int) -> None:
        """Start a node, and wait until it is one; a head is always a new, empty one."""
        self._nodes[index] = RayNode(self._options(index, cpus=cpus))
        self._nodes[index].start()
        try:
            self._nodes[index].wait()
        except NotEnoughResourcesError as error:
            raise NotEnoughResourcesError(f"{error}\n\n{self._report()}") from error

    def kill(self, index: int = 0) -> None:
        """Kill all processes of a node, its workers and jobs too."""
        self._nodes.pop(index).end()

    def end(self) -> None:
        """Kill all nodes that are left."""
        for index in sorted(self._nodes, reverse=True):
            self.kill(index)

    def processes(self) -> set[psutil.Process]:
        """All that run on any node."""
        return set().union(*(node.processes() for node in self._nodes.values()))

    def ray(self, *words: str) -> str:
        """Run Ray's own command line as a client of this Ray; returns what it prints."""
        command = [str(Path(sys.executable).with_name("ray")), *words]
        environment = os.environ | self.environment
        return subprocess.check_output(command, env=environment, text=True, timeout=120)

    def _report(self) -> str:
        """What the head says of itself: when it is gone, all other nodes only say that it is."""
        logs = [self.folder / f"node-{host(0)}.log"]
        logs += sorted(self.folder.glob("ray/session_2*/logs/gcs_server.*"))
        ends = [f"{log}:\n{log.read_text(errors='replace')[-REPORT_LENGTH:]}" for log in logs]
        names = sorted(process.name() for process in self.processes())
        return "\n\n".join([f"these processes run: {', '.join(names)}", *ends])

    def _options(self, index: int, *, cpus: int) -> NodeOptions:
        return NodeOptions(
            host(index),
            self.folder,
            cpus,
            head=self.address if index else None,
            port=self._port,
            dashboard=f"{host(0)}:{self._dashboard_port}",
            token=self.token,
            environment={"PYTHONPATH": str(ROOT), **self.more},
        )


@contextmanager
def a_ray(*cpus: int, **more: str) -> Iterator[RayHead]:
    """A Ray with this many CPUs on each node, the head first; this process has its token meanwhile.

    Args:
        cpus: of each node.
        more: added to the environment of all nodes.

    Of about a thousand heads, one stopped responding before a second node had joined. A Ray that
    does not start is not what these tests are about: it is started once more, and the reason is
    shown as a warning.
    """
    with ExitStack() as stack:
        try:
            head = _started(stack, cpus, more)
        except NotEnoughResourcesError as error:
            stack.close()
            warnings.warn(f"Ray is started once more: {error}", stacklevel=1)
            head = _started(stack, cpus, more)
        stack.enter_context(trusted(head))
        yield head


def _started(stack: ExitStack, cpus: Sequence[int], more: dict[str, str]) -> RayHead:
    folder = Path(tempfile.mkdtemp(prefix="distnet-ray-", dir="/tmp"))
    head = RayHead(folder, more)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    stack.callback(head.end)
    for index, count in enumerate(cpus):
        head.start(index, cpus=count)
    return head


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


def _forget_token() -> None:
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
