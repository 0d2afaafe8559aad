"""A process on a Ray node that runs what runs on hosts over ssh."""

from typing import Any

from distnet.cluster.hosts.on_host.examine import examine
from distnet.cluster.hosts.on_host.links import Listener, links
from distnet.cluster.hosts.on_host.shared_folder import shared_folder

SCRIPTS = {"examine": examine, "links": links, "shared_folder": shared_folder}


class NodeProbe:
    """Runs the scripts of `on_host/` on the node that it is pinned to."""

    def __init__(self) -> None:
        self._listener: Listener | None = None

    def run(self, script: str, given: dict[str, Any]) -> Any:
        """Run a script; returns its result."""
        return SCRIPTS[script](given)

    def listen(self, address: str, secret: str) -> int:
        """Listen for the others, until this process ends; returns the port."""
        self._listener = Listener(address, bytes.fromhex(secret))
        return self._listener.port
