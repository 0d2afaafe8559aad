"""The settings of a node, in the file `node.json` of its folder."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

FILE = "node.json"
STATE = "state.json"
TOKEN = "token"
DATA = "data"
"""The folder of what must not be lost: ledger, and runs where nothing is shared."""


@dataclass(frozen=True)
class ServerSettings:
    """The distnet server beside the head."""

    listen: str
    port: int
    runs: str
    """The folder of run folders."""
    checkpoints: str | None = None
    """The object store of checkpoints, if there is one."""

    @property
    def address(self) -> str:
        """At which nodes and clients reach it."""
        host = f"[{self.listen}]" if ":" in self.listen else self.listen
        return f"http://{host}:{self.port}"


@dataclass(frozen=True)
class NodeSettings:
    """How to run a node."""

    cluster: str
    host: str
    """Its name in the cluster file."""
    role: Literal["head", "worker"]
    mark: str
    """Carried by all of its processes in their environment."""
    address: str
    """At which the other nodes reach it."""
    head: str
    """`host:port` of Ray on the head."""
    dashboard_port: int
    num_cpus: int
    num_gpus: int
    labels: Mapping[str, str]
    resources: Mapping[str, float]
    arguments: Mapping[str, Any]
    """More options of `ray start`, without their dashes."""
    sockets: str
    """The folder for Ray's sockets, with a short path."""
    server: ServerSettings | None
    python: str
    """The path of the Python of its environment."""
    storage: str | None = None
    """The folder that all nodes share."""
    storage_mark: str = ""
    """The file that the head leaves in it, for the others to find."""
    version: str = ""
    """A hash of all others, and of the token."""

    def versioned(self, token: str) -> "NodeSettings":
        """The same with its version."""
        facts = json.dumps([asdict(replace(self, version="")), token], sort_keys=True)
        return replace(self, version=hashlib.sha256(facts.encode()).hexdigest()[:16])

    def to_json(self) -> bytes:
        """The content of the file."""
        return json.dumps(asdict(self), indent=2).encode() + b"\n"


def read_settings(folder: Path) -> NodeSettings:
    """Read the file of a folder."""
    facts = json.loads((folder / FILE).read_bytes())
    server = facts.pop("server")
    return NodeSettings(**facts, server=server and ServerSettings(**server))
