"""What is between the nodes: who reaches whom, with packets of any size, at which ports."""

from collections import defaultdict
from collections.abc import Iterator

from distnet.cluster.doctor.facts import Examination, Link, Node
from distnet.cluster.doctor.finding import Finding, fault, ok, warning
from distnet.cluster.doctor.registry import on_cluster
from distnet.cluster.doctor.units import duration, listed

MEANS = {
    "refused": "the connection is refused",
    "silent": "nothing comes back",
    "unreachable": "there is no route",
}
"""What a node finds that does not reach another."""
SLOW_S = 0.02
NETWORK = "nodes in one network, with less than 20 ms for a round trip"


@on_cluster
def same_network(all_of_it: Examination) -> Iterator[Finding]:
    """No node of several has an address that only itself can reach."""
    if len(all_of_it.nodes) < 2:
        return
    for node in all_of_it.nodes:
        if node.address is not None and node.address.startswith(("127.", "::1")):
            found = f"its address is {node.address}, which other nodes take for themselves"
            remedy = "set `address` of the host in the cluster file to one that all nodes reach"
            yield fault(found, "an address of a network", remedy).at(node.name)


@on_cluster
def links(all_of_it: Examination) -> Iterator[Finding]:
    """Every node connects to every other, at any port."""
    broken = {(each.source, each.target): each for each in all_of_it.links if each.error}
    if not all_of_it.links:
        return
    alone = _alone(all_of_it)
    for name in alone:
        yield _isolated(name, all_of_it, broken)
    for (source, target), link in broken.items():
        is_both = (target, source) in broken
        if source in alone or target in alone or (is_both and source > target):
            continue
        yield _broken(link, _addresses(all_of_it), is_both=is_both)
    if not broken:
        yield _all_reached(all_of_it)


@on_cluster
def packet_size(all_of_it: Examination) -> Iterator[Finding]:
    """Large messages arrive as small ones do."""
    lost = defaultdict[str, list[str]](list)
    for link in all_of_it.links:
        if link.is_large_lost:
            lost[link.source].append(link.target)
    nodes = {node.name: node for node in all_of_it.nodes}
    for source, targets in lost.items():
        own = nodes[source].interface
        name, mtu = (own.name, own.mtu) if own else ("eth0", None)
        found = f"large messages from {source} to {listed(targets)} are lost, small ones arrive"
        yield fault(
            f"{found} (packets of up to {mtu or 'unknown'} bytes)",
            "a network that takes packets of that size, or says that it does not",
            f"ip link set {name} mtu 1400 on both, and find the largest that works with: "
            "ping -M do -s 1372 ADDRESS; or let ICMP (fragmentation needed) pass all firewalls",
        ).at(source)
    if all_of_it.links and not lost:
        sizes = {each.interface.mtu for each in all_of_it.nodes if each.interface}
        yield ok(
            f"large messages arrive (packets of up to {listed(sorted(map(str, sizes)))} bytes)"
        )


@on_cluster
def services(all_of_it: Examination) -> Iterator[Finding]:
    """Every node reaches the Ray and the server of the head."""
    for service in all_of_it.services:
        if service.error is not None:
            found = f"it does not reach {service.what} at {service.address}: {MEANS[service.error]}"
            remedy = "open the port in the head's firewall, and see: distnet cluster status FILE"
            yield fault(found, "a head that all nodes reach", remedy).at(service.source)
    if all_of_it.services and not any(service.error for service in all_of_it.services):
        what = listed(dict.fromkeys(f"{each.what} {each.address}" for each in all_of_it.services))
        yield ok(f"all nodes reach {what}")


def _alone(all_of_it: Examination) -> list[str]:
    """Of three or more nodes, those that no other reaches, or that reach no other."""
    names = [node.name for node in all_of_it.nodes]
    if len(names) < 3:
        return []
    good = [link for link in all_of_it.links if link.error is None]
    reaches, is_reached = {link.source for link in good}, {link.target for link in good}
    return [name for name in names if name not in reaches or name not in is_reached]


def _isolated(name: str, all_of_it: Examination, broken: dict[tuple[str, str], Link]) -> Finding:
    own = [link for (source, _), link in broken.items() if source == name]
    others = [link for (_, target), link in broken.items() if target == name]
    count = len(all_of_it.nodes) - 1
    ways = []
    if len(own) == count:
        ways.append(f"it reaches no other node ({MEANS[str(own[0].error)]})")
    if len(others) == count:
        ways.append(f"no other node reaches it ({MEANS[str(others[0].error)]})")
    address = _addresses(all_of_it).get(name)
    return fault(
        f"{' and '.join(ways)}; its address is {address}",
        "a node that all others reach, at all ports",
        "check its `address` in the cluster file, its cable or virtual network, and its firewall: "
        "nft list ruleset, or iptables -S",
    ).at(name)


def _broken(link: Link, addresses: dict[str, str | None], *, is_both: bool) -> Finding:
    source, target = link.source, link.target
    found = f"{source} does not reach {target} at {addresses.get(target)}"
    found += f": {MEANS[str(link.error)]}"
    found += "; nor does the other way" if is_both else f"; {target} does reach {source}"
    remedy = f"let {target} accept all ports from {addresses.get(source)}: "
    remedy += f"ufw allow from {addresses.get(source)}, or its security group"
    return fault(found, "nodes that reach one another both ways, at all ports", remedy).at(source)


def _all_reached(all_of_it: Examination) -> Finding:
    times = {link: link.latency_s for link in all_of_it.links if link.latency_s is not None}
    slowest = max(times, key=lambda link: times[link])
    what = f"all {len(all_of_it.nodes)} nodes reach one another; the longest round trip is "
    what += f"{duration(times[slowest])}, {slowest.source} to {slowest.target}"
    if times[slowest] > SLOW_S:
        return warning(what, NETWORK, "bring nodes into one network; each step waits for a trip")
    return ok(what)


def _addresses(all_of_it: Examination) -> dict[str, str | None]:
    nodes: tuple[Node, ...] = all_of_it.nodes
    return {node.name: node.address for node in nodes}
