"""The wire between hosts: a switch with a delay, for kernels that have no netem.

    host (namespace): TUN, TBF for the rate -> this process, 1 ms later -> TUN of the receiver

    python -m tests.bench.wire BYTES_PER_S DELAY_S NAME ...

Makes a TUN device of each name, prints a line, and passes packets on until its input ends. The
rate of a host's sending is that of the TBF on its device; that of its receiving is kept here, as
the port of a switch has it. A packet goes to the device whose index is the last byte of its
address, less one.
"""

import fcntl
import os
import select
import struct
import sys
import time
from collections import deque

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
LARGEST = 65_535
LAST_OF_ADDRESS = 19
"""Offset of the last byte of the receiver's address in a packet of IPv4."""
MOST_READ = 64
"""Packets that are read before others are due again."""


def open_tun(name: str) -> int:
    """Make a TUN device; returns its file."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(file, TUNSETIFF, struct.pack("16sH14x", name.encode(), IFF_TUN | IFF_NO_PI))
    return file


class Port:
    """What waits for one receiver."""

    def __init__(self, file: int, bytes_per_s: float) -> None:
        self.file, self._rate = file, bytes_per_s
        self._packets: deque[tuple[float, bytes]] = deque()
        self._free_at = 0.0

    def put(self, packet: bytes, due: float) -> None:
        """Queue a packet that arrives at `due`, or when those before it have been received."""
        due = max(due, self._free_at)
        self._free_at = due + len(packet) / self._rate
        self._packets.append((self._free_at, packet))

    def send(self, now: float) -> None:
        """Hand over what is due."""
        while self._packets and self._packets[0][0] <= now:
            os.write(self.file, self._packets.popleft()[1])

    @property
    def due(self) -> float:
        """When the next packet is due."""
        return self._packets[0][0] if self._packets else float("inf")


def relay(ports: list[Port], delay_s: float, until: int) -> None:
    """Pass packets on until the file `until` can be read."""
    by_file = {port.file: port for port in ports}
    while True:
        wait = min(port.due for port in ports) - time.monotonic()
        timeout = None if wait == float("inf") else max(0.0, wait)
        ready, _, _ = select.select([*by_file, until], [], [], timeout)
        if until in ready:
            return
        now = time.monotonic()
        for file in ready:
            _read(file, ports, now + delay_s)
        now = time.monotonic()
        for port in ports:
            port.send(now)


def _read(file: int, ports: list[Port], due: float) -> None:
    for _ in range(MOST_READ):
        try:
            packet = os.read(file, LARGEST)
        except BlockingIOError:
            return
        index = packet[LAST_OF_ADDRESS] - 1
        if packet[0] >> 4 == 4 and 0 <= index < len(ports):
            ports[index].put(packet, due)


def main(words: list[str]) -> None:
    """Serve until the standard input ends."""
    rate, delay_s, *names = words
    ports = [Port(open_tun(name), float(rate)) for name in names]
    # A wire does not wait for processors that compute.
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    print("ready", flush=True)  # noqa: T201
    relay(ports, float(delay_s), sys.stdin.fileno())


if __name__ == "__main__":
    main(sys.argv[1:])
