"""Free ports for servers that take a moment to listen.

A port that the system chooses (`bind` to port 0) may be chosen again before the server listens on
it, for another server or for the own end of a connection. Ours come from below the range that the
system chooses from, and above the ports of Ray's workers, 10002 to 19999.
"""

import errno
import secrets
import socket
from itertools import chain
from pathlib import Path

RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Of Linux: the first and last port that the system chooses."""
LOWEST, USUAL_END = 20_000, 32_768
FEWEST = 1_000

_given: set[int] = set()
"""None is given twice by one process: the first server may not listen yet."""


def free_port(host: str) -> int:
    """A port on which nobody listens, neither at `host` nor at all addresses.

    Raises:
        OSError: this machine does not have that address, or no port is free.
    """
    ports = range(LOWEST, _end())
    start = secrets.randbelow(len(ports))
    for port in chain(ports[start:], ports[:start]):
        if port not in _given and _is_free(host, port) and _is_free("", port):
            _given.add(port)
            return port
    raise OSError(errno.EADDRINUSE, f"no port of {ports.start} to {ports.stop - 1} is free")


def _end() -> int:
    """Of our ports: where those of the system begin, if that leaves enough of them."""
    try:
        first = int(RANGE.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        first = USUAL_END
    return first if first >= LOWEST + FEWEST else USUAL_END


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        return False
    return True
