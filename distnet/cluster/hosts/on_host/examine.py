"""All facts of a machine for `distnet doctor`; nothing is changed."""

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from distnet.cluster.hosts.on_host.messages import Given, reply
from distnet.cluster.hosts.on_host.network import network
from distnet.cluster.hosts.on_host.packages import packages
from distnet.cluster.hosts.on_host.probe import amd_gpus, nvidia_gpus, reached_address
from distnet.cluster.hosts.on_host.rays import rays
from distnet.cluster.hosts.on_host.store import store_error
from distnet.cluster.hosts.on_host.system import system

CUDA_OF_DRIVER = re.compile(r"CUDA Version: *([0-9.]+)")
VARIABLES = ("RAY_AUTH_MODE", "GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


def examine(given: Given) -> dict[str, object]:
    """List the facts.

    Args:
        given: `cluster`, the folder of a cluster here, or None; `python`, whose packages count
            where there is no cluster, or None; `address`, at which the other nodes reach this one,
            or None; `folders` by purpose; `secrets`, files by purpose; `ports`; `store`, the
            address of an object store, or None.
    """
    folder = given["cluster"] and Path(given["cluster"]).expanduser()
    node = read(folder / "node.json") if folder else None
    secrets = dict(given["secrets"])
    if folder:
        secrets["ray"] = str(folder / "token")
    gpus, driver = nvidia_gpus()
    python = node["python"] if node else given["python"] or sys.executable
    installed = packages(python)
    return {
        **system(given["folders"]),
        **network([] if node else given["ports"]),
        **installed,
        "store": store(python, given["store"]) if installed["distnet_source"] else None,
        "address": node["address"] if node else given["address"] or reached_address(),
        "gpus": gpus or amd_gpus(),
        "driver": driver,
        "driver_cuda": cuda_of_driver() if driver else None,
        "rays": rays(),
        "secrets": [found for item in secrets.items() if (found := secret(*item))],
        "environment": {name: os.environ[name] for name in VARIABLES if os.environ.get(name)},
        "is_node": node is not None,
    }


def store(python: str, address: str | None) -> dict[str, str | None] | None:
    """Whether the object store can be used from here; None: there is none."""
    if address is None:
        return None
    return {"address": address, "error": store_error(python, address)}


def secret(purpose: str, path: str) -> dict[str, object] | None:
    """Describe the file of a secret without the secret; None if there is no such file."""
    file = Path(path).expanduser()
    try:
        found, content = file.stat(), file.read_bytes().strip()
    except OSError:
        return None
    return {
        "purpose": purpose,
        "path": str(file),
        "mode": found.st_mode & 0o777,
        "is_own": found.st_uid == os.getuid(),
        "digest": hashlib.sha256(content).hexdigest()[:16] if content else "",
    }


def cuda_of_driver() -> str | None:
    """The newest CUDA that NVIDIA's driver runs."""
    try:
        text = subprocess.check_output(["nvidia-smi"], stderr=subprocess.DEVNULL, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return None
    found = CUDA_OF_DRIVER.search(text.decode(errors="replace"))
    return found[1] if found else None


def read(path: Path) -> dict[str, str] | None:
    """The settings of the node that this machine is; None if it is none."""
    try:
        found: dict[str, str] = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return found


if __name__ == "__main__":
    reply(examine)
