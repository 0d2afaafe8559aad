"""The network of a machine: its name, addresses and interfaces, and which ports are taken."""

import array
import fcntl
import socket
import struct
from contextlib import closing
from pathlib import Path

INTERFACES = Path("/sys/class/net")
IPV6 = Path("/proc/net/if_inet6")
SIOCGIFCONF = 0x8912
ROW_BYTES, MOST_ROWS = 40, 1024
"""Of the kernel's `struct ifreq` on 64 bits."""
LOOPBACK_S = 2.0


def network(ports: list[tuple[str, str, int]]) -> dict[str, object]:
    """List the facts.

    Args:
        ports: key, address and number of the ports to listen on.
    """
    name = socket.gethostname()
    return {
        "host_name": name,
        "host_addresses": resolve(name),
        "has_loopback": has_loopback(),
        "interfaces": [
            {"name": name, "address": address, "mtu": mtu(name)}
            for name, address in (*ipv4(), *ipv6())
        ],
        "taken_ports": [
            {"key": key, "port": port, "error": error}
            for key, host, port in ports
            if (error := taken(host, port))
        ],
    }


def resolve(name: str) -> list[str]:
    """The addresses that a name has here; none if it is unknown."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return []
    return sorted({str(row[4][0]).partition("%")[0] for row in found})


def has_loopback() -> bool:
    """Whether this machine reaches itself at 127.0.0.1."""
    try:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            socket.create_connection(listener.getsockname(), timeout=LOOPBACK_S).close()
    except OSError:
        return False
    return True


def ipv4() -> list[tuple[str, str]]:
    """The interfaces that have an IPv4 address, each with it."""
    buffer = array.array("B", bytes(ROW_BYTES * MOST_ROWS))
    request = struct.pack("iL", len(buffer), buffer.buffer_info()[0])
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as any_socket:
        used = struct.unpack("iL", fcntl.ioctl(any_socket, SIOCGIFCONF, request))[0]
    rows = [bytes(buffer[start : start + ROW_BYTES]) for start in range(0, used, ROW_BYTES)]
    return [(row[:16].split(b"\0")[0].decode(), socket.inet_ntoa(row[20:24])) for row in rows]


def ipv6() -> list[tuple[str, str]]:
    """The interfaces that have an IPv6 address other than one of their link, each with it."""
    try:
        rows = [line.split() for line in IPV6.read_text().splitlines()]
    except OSError:
        return []
    named = [(row[5], socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0]))) for row in rows]
    return [(name, address) for name, address in named if not address.startswith("fe80")]


def mtu(interface: str) -> int | None:
    """The largest packet of an interface, in bytes."""
    try:
        return int((INTERFACES / interface.partition(":")[0] / "mtu").read_text())
    except (OSError, ValueError):
        return None


def taken(host: str, port: int) -> str | None:
    """Why nothing can listen there; None if it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
    except OSError as error:
        return error.strerror or str(error)
    return None
