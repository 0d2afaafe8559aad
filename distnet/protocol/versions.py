"""The version of distnet on each side: server, clients and agents must have the same.

The first two numbers decide between client and server: 0.3.1 and 0.3.7 understand one another,
0.3 and 0.4 may not. Nodes must have exactly that of the server, as they compute the bits.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version

HEADER = "Distnet-Version"
"""Of requests and of their responses."""
UNKNOWN = "unknown"


@cache
def own_version() -> str:
    """The version of this distnet."""
    try:
        return version("distnet")
    except PackageNotFoundError:
        return UNKNOWN


def is_compatible(one: str, other: str) -> bool:
    """Whether a client and a server of these versions understand one another."""
    return UNKNOWN in (one, other) or one.split(".")[:2] == other.split(".")[:2]


def is_same(one: str, other: str) -> bool:
    """Whether a node and a server of these versions may work on one job."""
    return UNKNOWN in (one, other) or one == other
