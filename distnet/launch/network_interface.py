"""Which network interface of this machine holds an address.

gloo and NCCL otherwise take the one that the host name resolves to, which on many clusters is
127.0.0.1 and reaches nobody.
"""

from collections.abc import MutableMapping

import psutil


def interface_of(address: str) -> str | None:
    """Name the interface that holds the IP `address` (`127.0.0.1` -> `lo`); None if none does."""
    for name, held in psutil.net_if_addrs().items():
        # IPv6 addresses of one link carry its name: fe80::1%eth0
        if any(one.address.split("%")[0] == address for one in held):
            return name
    return None


def choose_interface(address: str, environment: MutableMapping[str, str]) -> None:
    """Have gloo and NCCL use the interface that holds `address`, where the user named none."""
    name = interface_of(address)
    if name is None:  # behind address translation: the libraries' own choice is the best guess
        return
    environment.setdefault("GLOO_SOCKET_IFNAME", name)
    environment.setdefault("NCCL_SOCKET_IFNAME", f"={name}")  # "=": not its mere prefix
