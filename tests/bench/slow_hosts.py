"""Hosts as network namespaces, joined by links of a given rate and delay.

They share the file system and the processors of this machine; only their network is their own.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
NETWORK = "10.216.0"
MTU = 9000
"""Jumbo frames: one process of Python passes all packets on."""
SETTINGS = {"tcp_congestion_control": "reno", "tcp_limit_output_bytes": str(3 * MTU)}
"""Of TCP. Reno is on every system, and allowed in namespaces. The limit keeps the queue of a host
short, as fair queues and the limits of drivers do elsewhere: else acknowledgements wait behind the
data of the other direction, which this kernel can only queue first come, first served."""
BURST_BYTES, QUEUE_MS = 2 * MTU, 400


@dataclass(frozen=True)
class SlowHost:
    """One host."""

    namespace: str
    device: str
    """Its network interface."""
    address: str

    def command(self, words: Sequence[str]) -> list[str]:
        """A command line that runs another on the host."""
        return ["ip", "netns", "exec", self.namespace, *words]


def is_possible() -> bool:
    """Whether this machine lets us make them."""
    is_root = sys.platform == "linux" and os.geteuid() == 0
    return is_root and all(map(shutil.which, ("ip", "tc"))) and os.path.exists("/dev/net/tun")


@contextmanager
def slow_hosts(count: int, *, bits_per_s: float, delay_s: float) -> Iterator[list[SlowHost]]:
    """Make hosts; all that runs on them ends with the context.

    Args:
        count: how many, at most 200.
        bits_per_s: what each sends, and receives.
        delay_s: of every packet, one way.
    """
    number = os.getpid()
    hosts = [
        SlowHost(f"dnfo{number}h{i}", f"fo{number}t{i}", f"{NETWORK}.{i + 1}") for i in range(count)
    ]
    words = [str(bits_per_s / 8), str(delay_s), *(host.device for host in hosts)]
    wire = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.wire", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert wire.stdin is not None
    assert wire.stdout is not None
    try:
        if wire.stdout.readline() != b"ready\n":
            raise OSError("the relay has not started: is /dev/net/tun there?")
        for host in hosts:
            _join(host, bits_per_s)
        yield hosts
    finally:
        for host in hosts:
            _kill_all_on(host)
        wire.stdin.close()
        wire.wait(10)
        for host in hosts:
            _run("ip", "netns", "delete", host.namespace, check=False)


def _join(host: SlowHost, bits_per_s: float) -> None:
    inside = ("ip", "-n", host.namespace)
    limits = f"rate {bits_per_s:.0f}bit burst {BURST_BYTES} latency {QUEUE_MS}ms mtu {MTU + 100}"
    _run("ip", "netns", "add", host.namespace)
    _run("ip", "link", "set", host.device, "netns", host.namespace)
    _run(*inside, "link", "set", "lo", "up")
    _run(*inside, "link", "set", host.device, "mtu", str(MTU), "txqueuelen", "1000")
    _run(*inside, "addr", "add", f"{host.address}/24", "dev", host.device)
    _run(*inside, "link", "set", host.device, "up")
    for name, value in SETTINGS.items():
        _run(*host.command(["sysctl", "-w", f"net.ipv4.{name}={value}"]))
    _run("tc", "-n", host.namespace, *f"qdisc add dev {host.device} root tbf {limits}".split())


def _kill_all_on(host: SlowHost) -> None:
    """What runs in a namespace of ours is ours."""
    pids = _run("ip", "netns", "pids", host.namespace, check=False).split()
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True).stdout
