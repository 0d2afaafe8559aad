"""A real Ray cluster of three machines: network namespaces on one bridge, as Ray sees it.

The head's machine has no CPU for workers; the other two have two each. Everything of it ends with
the context, by process id.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from distnet.launch.ray.node import NodeOptions, RayNode

ROOT = Path(__file__).parents[2]
BRIDGE = f"dnb{os.getpid()}"
ADDRESSES = ("10.214.0.1", "10.214.0.2", "10.214.0.3")
NAMES = tuple(f"dn{os.getpid()}{letter}" for letter in "hab")
RAY_PORT, DASHBOARD_PORT = 6379, 8265
DASHBOARD = f"http://{ADDRESSES[0]}:{DASHBOARD_PORT}"
TOKEN = "ab" * 32
SERVER = f"http://{ADDRESSES[0]}:8270"


@dataclass
class Machines:
    """Three machines, the first of them with the head."""

    folder: Path
    """That all of them see."""
    nodes: dict[int, RayNode] = field(default_factory=dict)
    temp: Path = field(
        default_factory=lambda: Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/tmp"))
    )
    """Ray's own folder; its name must be short."""

    def start_node(self, index: int) -> None:
        """Start Ray on a machine, and wait until it runs."""
        options = NodeOptions(
            ADDRESSES[index],
            self.temp,
            2 if index else 0,
            head=f"{ADDRESSES[0]}:{RAY_PORT}" if index else None,
            port=RAY_PORT,
            dashboard=f"0.0.0.0:{DASHBOARD_PORT}",
            token=TOKEN,
            environment={"PYTHONPATH": str(ROOT), "DISTNET_CONFIG": str(self.folder / "config")},
            prefix=tuple(in_namespace(index, [])),
        )
        self.nodes[index] = RayNode(options)
        self.nodes[index].start()
        self.nodes[index].wait()

    def kill_node(self, index: int) -> None:
        """Kill all of Ray on a machine, and all that Ray runs there."""
        self.nodes.pop(index).end()
        if index == 0:
            shutil.rmtree(self.temp / "ray", ignore_errors=True)

    def run(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run distnet on the head's machine, as a user there would."""
        return subprocess.run(
            in_namespace(0, [sys.executable, "-m", "distnet.cli", *words]),
            env=self.environment(),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )

    def start(self, *words: str, log: Path) -> subprocess.Popen[str]:
        """Start distnet on the head's machine."""
        return subprocess.Popen(
            in_namespace(0, [sys.executable, "-m", "distnet.cli", *words]),
            env=self.environment(),
            cwd=ROOT,
            stdout=log.open("a"),
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """That of a machine of a cluster whose users have a token."""
        here = {k: v for k, v in os.environ.items() if not k.startswith(("RAY_", "DISTNET_"))}
        return {
            **here,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": TOKEN,
            "DISTNET_CONFIG": str(self.folder / "config"),
        }


@contextmanager
def three_nodes(folder: Path) -> Iterator[Machines]:
    """Three machines with Ray."""
    machines = Machines(folder)
    try:
        _join()
        for index in range(3):
            machines.start_node(index)
        yield machines
    finally:
        for index in list(machines.nodes):
            machines.kill_node(index)
        for name in NAMES:
            _kill_all_in(name)
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        shutil.rmtree(machines.temp, ignore_errors=True)


def in_namespace(index: int, command: list[str]) -> list[str]:
    return ["ip", "netns", "exec", NAMES[index], *command]


def wait_until(is_so, timeout_s: float, process: subprocess.Popen[str] | None = None):
    """Wait until something is so; returns what is_so did.

    Raises:
        AssertionError: it did not become so, or the process that should make it so has ended.
    """
    end = time.monotonic() + timeout_s
    while not (found := is_so()):
        if process is not None and process.poll() is not None:
            raise AssertionError(f"{process.args} ended with {process.returncode}")
        if time.monotonic() > end:
            raise AssertionError(f"not so within {timeout_s} s")
        time.sleep(0.2)
    return found


def is_possible() -> bool:
    """Whether this machine lets us make others."""
    is_root = sys.platform == "linux" and os.geteuid() == 0
    return is_root and shutil.which("ip") is not None


def _join() -> None:
    """The head's namespace holds a bridge to which the others are joined."""
    for name in NAMES:
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
    head = NAMES[0]
    _ip("-n", head, "link", "add", BRIDGE, "type", "bridge")
    _ip("-n", head, "addr", "add", f"{ADDRESSES[0]}/24", "dev", BRIDGE)
    _ip("-n", head, "link", "set", BRIDGE, "up")
    for name, address in zip(NAMES[1:], ADDRESSES[1:], strict=True):
        _ip("link", "add", name, "type", "veth", "peer", "name", f"{name}p")
        _ip("link", "set", name, "netns", name)
        _ip("link", "set", f"{name}p", "netns", head)
        _ip("-n", head, "link", "set", f"{name}p", "master", BRIDGE, "up")
        _ip("-n", name, "addr", "add", f"{address}/24", "dev", name)
        _ip("-n", name, "link", "set", name, "up")


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _kill_all_in(name: str) -> None:
    """What still runs in a namespace of ours is ours."""
    found = subprocess.run(
        ["ip", "netns", "pids", name], check=False, capture_output=True, text=True
    )
    for pid in found.stdout.split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
