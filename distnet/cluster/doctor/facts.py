"""What is known of the nodes and of what is between them, before it is judged."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Folder:
    """A folder, and the disk that it is on."""

    purpose: str
    path: str
    total_bytes: int
    free_bytes: int
    free_files: int | None
    """How many more files fit; None where the file system does not count them."""
    is_writable: bool


@dataclass(frozen=True)
class Secret:
    """The file of a token."""

    purpose: str
    path: str
    mode: int
    is_own: bool
    """Whether it belongs to the user of the node."""
    digest: str
    """Of what is in it; empty: nothing is."""


@dataclass(frozen=True)
class RunningRay:
    """A Ray node that runs on the machine."""

    pid: int
    version: str | None
    auth_mode: str | None
    head: str | None
    address: str | None
    mark: str | None
    """Of a node that distnet has started."""


@dataclass(frozen=True)
class Interface:
    """A network interface with one of its addresses."""

    name: str
    address: str
    mtu: int | None


@dataclass(frozen=True)
class TakenPort:
    """A port that a node needs, and on which another program listens."""

    key: str
    port: int
    error: str


@dataclass(frozen=True)
class Node:
    """What one machine is and has."""

    name: str
    address: str | None
    """At which the other nodes reach it."""
    host_name: str
    host_addresses: tuple[str, ...]
    """What it resolves its own name to."""
    has_loopback: bool
    interfaces: tuple[Interface, ...]
    taken_ports: tuple[TakenPort, ...]
    system: str
    machine: str
    cpu: str
    instruction_set: str
    num_cpus: int
    cpu_quota: float | None
    memory_bytes: int
    memory_free_bytes: int
    shared_memory_bytes: int | None
    shared_memory_free_bytes: int | None
    open_files: tuple[int, ...]
    """The soft and the hard limit; -1: none."""
    folders: tuple[Folder, ...]
    is_clock_synchronised: bool | None
    time: float
    python: str | None
    versions: Mapping[str, str | None]
    torch_wanted: str | None
    """The torch for which torchvision was built."""
    torch_cuda: str | None
    distnet_source: str | None
    """A hash of distnet's own files."""
    gpus: tuple[str, ...]
    driver: str | None
    driver_cuda: str | None
    rays: tuple[RunningRay, ...]
    secrets: tuple[Secret, ...]
    environment: Mapping[str, str]
    store: Mapping[str, str | None] | None
    """`address` of the object store, and the `error` with which it is used; None: none is."""
    is_node: bool
    """Whether a cluster was brought up on it."""
    is_installed_later: bool = False
    """Whether `distnet cluster up` installs packages where nothing is yet."""
    wants_gpus: int | None = None
    """What the cluster file says."""

    @property
    def wants_packages(self) -> bool:
        """Whether everything must be installed by now."""
        return self.is_node or not self.is_installed_later

    @property
    def interface(self) -> Interface | None:
        """The interface that holds its address, which gloo and NCCL are to use."""
        return next((each for each in self.interfaces if each.address == self.address), None)

    @classmethod
    def of(cls, name: str, found: Mapping[str, Any], **more: Any) -> "Node":
        """Read the facts that a node has sent."""
        kinds = {
            **{"folders": Folder, "secrets": Secret, "rays": RunningRay},
            **{"interfaces": Interface, "taken_ports": TakenPort},
        }
        found = {key: value for key, value in found.items() if key != "name"}
        read = {key: tuple(kind(**row) for row in found[key]) for key, kind in kinds.items()}
        lists = {key: tuple(found[key]) for key in ("host_addresses", "open_files", "gpus")}
        return cls(name=name, **{**found, **read, **lists, **more})


@dataclass(frozen=True)
class Link:
    """What one node finds when it connects to another."""

    source: str
    target: str
    error: str | None
    """`refused`, `silent`, `unreachable`; None: it is connected."""
    is_large_lost: bool
    """Small messages arrive, large ones do not."""
    latency_s: float | None
    """Of a round trip."""
    clock_s: float | None
    """How far the other clock is ahead."""
    clock_bound_s: float | None


@dataclass(frozen=True)
class Service:
    """What a node finds when it connects to a port of the head."""

    source: str
    what: str
    address: str
    error: str | None


@dataclass(frozen=True)
class Pair:
    """The speed between two nodes, over the transport of training."""

    nodes: tuple[str, str]
    round_trip_s: float
    bytes_per_s: float
    """In each direction, both at a time."""


@dataclass(frozen=True)
class Exchange:
    """An exchange between all nodes, as training makes it."""

    backend: str
    nodes: tuple[str, ...]
    pairs: tuple[Pair, ...] = ()
    sum_bytes: int = 0
    sum_s: float | None = None
    """Of one sum over all nodes."""
    error: str | None = None
    """Why there was none."""


@dataclass(frozen=True)
class Share:
    """What one node finds in the folder that all share."""

    node: str
    error: str | None = None
    missing: tuple[str, ...] = ()
    """The nodes whose files do not appear."""
    seconds: float = 0.0
    """Until all files of others were there."""
    torn: int = 0
    """How often a file was half replaced."""
    is_locked: bool | None = None
    """Whether a lock of another node is respected."""


@dataclass(frozen=True)
class Storage:
    """The folder that all nodes are to share."""

    path: str | None
    """None: none is shared."""
    is_required: bool
    """Whether a cluster file says that they share it."""
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A node whose facts could not be found."""

    node: str
    step: str
    found: str
    remedy: str


@dataclass(frozen=True)
class Examination:
    """All that is known."""

    nodes: tuple[Node, ...]
    failed: tuple[Failed, ...] = ()
    links: tuple[Link, ...] = ()
    services: tuple[Service, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    storage: Storage | None = None
    """None: it was not looked at."""
    omitted: tuple[str, ...] = ()
    """What was not examined, and why."""

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> "Examination":
        """Read what `asdict` has made of one."""
        return cls(
            nodes=tuple(Node.of(row["name"], row) for row in found["nodes"]),
            failed=tuple(Failed(**row) for row in found["failed"]),
            links=tuple(Link(**row) for row in found["links"]),
            services=tuple(Service(**row) for row in found["services"]),
            exchanges=tuple(map(_exchange, found["exchanges"])),
            storage=found["storage"] and _storage(found["storage"]),
            omitted=tuple(found["omitted"]),
        )


def _exchange(found: Mapping[str, Any]) -> Exchange:
    pairs = tuple(Pair(**{**row, "nodes": tuple(row["nodes"])}) for row in found["pairs"])
    return Exchange(**{**found, "nodes": tuple(found["nodes"]), "pairs": pairs})


def _storage(found: Mapping[str, Any]) -> Storage:
    shares = (Share(**{**row, "missing": tuple(row["missing"])}) for row in found["shares"])
    return Storage(found["path"], found["is_required"], tuple(shares))
