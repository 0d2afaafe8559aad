"""The address on which the server listens: by default, reachable from this machine only."""

import ipaddress
import socket

from distnet.errors import DistnetError
from distnet.server.settings import PORT

ANY_ADDRESS = ("0.0.0.0", "::")
BACKLOG = 2048


def parse_listen(text: str) -> tuple[str, int]:
    """Read `HOST:PORT`, `[HOST]:PORT`, `HOST` or `:PORT`; a bare number is ambiguous.

    Raises:
        DistnetError: the text is none of these.
    """
    host, _, port = text.rpartition(":") if text.count(":") == 1 or "]:" in text else (text, "", "")
    host = host.strip("[]") or "127.0.0.1"
    is_port = not port or (port.isdecimal() and int(port) < 65536)
    if not is_port or text.isdecimal():
        raise DistnetError(f"--listen {text!r}: expected HOST:PORT, as in 127.0.0.1:{PORT}")
    return host, int(port) if port else PORT


def is_routable(host: str) -> bool:
    """Whether other machines may reach an address; names other than localhost count as routable."""
    if host == "localhost":
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def bind(host: str, port: int) -> socket.socket:
    """Listen; done first, so that a port in use is reported before anything else happens.

    Raises:
        DistnetError: the address or port cannot be used.
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
            f"--listen {host}:{port}: {error.strerror}; end the program that listens there, or use "
            f"another port: --listen {host}:{port + 1}"
        ) from None
    return listener


def address_of(host: str, port: int) -> str:
    """The URL of a server that listens on a host."""
    if host in ANY_ADDRESS:
        host = _own_address()
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _own_address() -> str:
    """The address of this machine in its network; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: reserved for documentation
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1"
