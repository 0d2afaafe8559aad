"""Where the server listens: on this machine alone, unless it is told otherwise."""

import ipaddress
import socket

from distnet.errors import DistnetError
from distnet.server.settings import PORT

ANYWHERE = ("0.0.0.0", "::")
BACKLOG = 2048


def parse_listen(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `[HOST]:PORT`, `HOST` or `:PORT`; a bare number is none of them.

    Raises:
        DistnetError: it is none of these.
    """
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    host = host.strip("[]") or "127.0.0.1"
    is_port = not port or (port.isdecimal() and int(port) < 65536)
    if not is_port or text.isdecimal():
        raise DistnetError(f"--listen {text!r}: expected HOST:PORT, as in 127.0.0.1:{PORT}")
    return host, int(port) if port else PORT


def is_routable(host: str) -> bool:
    """Whether other machines can reach an address; of a name nobody knows."""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def bind(host: str, port: int) -> socket.socket:
    """Listen, so that a port in use is told before anything else is done.

    Raises:
        DistnetError: it cannot be listened on.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise DistnetError(f"--listen {host}:{port}: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise DistnetError(
            f"--listen {host}:{port}: {error.strerror}; end what listens there, or take another "
            f"port: --listen {host}:{port + 1}"
        ) from None
    return listener


def address_of(host: str, port: int) -> str:
    """The address at which those reach the server who are nearest to it."""
    if host in ANYWHERE:
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """The address of this machine on its way out; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address of nobody's
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
