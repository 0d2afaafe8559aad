"""Find the facts of nodes, of the links between them and of what they share.

The same for all ways to reach nodes: scripts of `hosts/on_host/` over ssh, or in processes of Ray.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from distnet.cluster.doctor.facts import Examination, Failed, Link, Node, Service, Share, Storage

Given = Mapping[str, Any]
ServiceAddress = tuple[str, str, int]
MOST_SHARES = 32
"""Nodes that compare a folder with one another; all of them work at the same time."""


@dataclass(frozen=True)
class Replies:
    """What became of a script on each node."""

    results: dict[str, Any]
    failed: dict[str, Failed]


class Reach(Protocol):
    """A way to reach nodes."""

    def each(self, script: str, given: Mapping[str, Given]) -> Replies:
        """Run a script on nodes side by side.

        Args:
            script: a module of `on_host/`.
            given: its arguments on each node.
        """
        ...

    def listening(
        self, addresses: Mapping[str, str], secret: str
    ) -> AbstractContextManager[Mapping[str, int]]:
        """Have nodes listen for links; the ports, where that was possible.

        Args:
            addresses: of the nodes.
            secret: of the listeners.
        """
        ...


@dataclass(frozen=True)
class Wanted:
    """What to find out."""

    nodes: Mapping[str, Given]
    """The arguments of `examine` on each node."""
    more: Mapping[str, Mapping[str, Any]]
    """Of each node: members of `Node` that only the cluster file knows."""
    services: Callable[[Sequence[Node]], Sequence[ServiceAddress]] = lambda _: ()
    """Says of the nodes what all of them are to reach: name, address and port."""
    storage: Storage | None = None
    """To look at; None: at none."""


def gather(reach: Reach, wanted: Wanted) -> Examination:
    """Find out everything but the exchange, which needs a Ray."""
    replies = reach.each("examine", wanted.nodes)
    nodes = tuple(
        Node.of(name, replies.results[name], **wanted.more.get(name, {}))
        for name in wanted.nodes
        if name in replies.results
    )
    failed = dict(replies.failed)
    links, services = _links(reach, nodes, wanted.services(nodes), failed)
    storage = wanted.storage
    if storage is not None and storage.path is not None:
        names = [node.name for node in nodes][:MOST_SHARES]
        storage = replace(storage, shares=_shares(reach, names, storage.path, failed))
    return Examination(nodes, tuple(failed.values()), links, services, storage=storage)


def _links(
    reach: Reach,
    nodes: Sequence[Node],
    services: Sequence[ServiceAddress],
    failed: dict[str, Failed],
) -> tuple[tuple[Link, ...], tuple[Service, ...]]:
    addresses = {node.name: node.address for node in nodes if node.address is not None}
    if len(addresses) < 2:
        return (), ()
    secret = secrets.token_hex(16)
    with reach.listening(addresses, secret) as ports:
        peers = {name: (addresses[name], port) for name, port in ports.items()}
        given = {
            name: {
                "secret": secret,
                "peers": {other: peers[other] for other in peers if other != name},
                "services": list(services),
            }
            for name in addresses
        }
        replies = reach.each("links", given)
    failed.update(replies.failed)
    rows = replies.results.items()
    return (
        tuple(Link(a, b, **row) for a, found in rows for b, row in found["links"].items()),
        tuple(Service(name, **row) for name, found in rows for row in found["services"]),
    )


def _shares(
    reach: Reach, names: Sequence[str], folder: str, failed: dict[str, Failed]
) -> tuple[Share, ...]:
    """Have the nodes write to a folder, and compare what they see."""
    if len(names) < 2:
        return ()
    base = {"folder": folder, "probe": f".distnet-doctor-{secrets.token_hex(4)}"}
    given = {name: {**base, "node": number} for number, name in enumerate(names)}
    written = reach.each("shared_folder", {n: {**g, "action": "write"} for n, g in given.items()})
    failed.update(written.failed)
    errors = {name: each["error"] for name, each in written.results.items() if each["error"]}
    good = [name for name in written.results if name not in errors]
    numbers = [given[name]["node"] for name in good]
    more = {"action": "compare", "nodes": numbers}
    compared = reach.each("shared_folder", {name: {**given[name], **more} for name in good})
    failed.update(compared.failed)
    reach.each("shared_folder", {name: {**given[name], "action": "remove"} for name in good[:1]})
    shares = [Share(name, error) for name, error in errors.items()]
    for name, found in compared.results.items():
        missing = tuple(names[number] for number in found["missing"])
        shares.append(Share(name, **{**found, "missing": missing}))
    return tuple(shares)
