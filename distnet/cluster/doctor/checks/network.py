"""The network of one machine."""

import ipaddress
from collections.abc import Iterator

from distnet.cluster.doctor.facts import Node
from distnet.cluster.doctor.finding import Finding, fault, note, ok, warning
from distnet.cluster.doctor.registry import on_node
from distnet.cluster.doctor.units import listed

FORCED = ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")


@on_node
def loopback(node: Node) -> Iterator[Finding]:
    """The machine reaches itself."""
    if node.has_loopback:
        yield ok("127.0.0.1 can be reached")
    else:
        yield fault("127.0.0.1 cannot be reached", "a loopback interface", "ip link set lo up")


@on_node
def host_name(node: Node) -> Iterator[Finding]:
    """The machine's own name has an address: gloo by itself looks it up."""
    name, addresses = node.host_name, node.host_addresses
    if not addresses:
        remedy = f"echo '{node.address or '127.0.1.1'} {name}' >> /etc/hosts"
        yield warning(f"the host name {name} has no address", "one in /etc/hosts or DNS", remedy)
    elif node.is_node and all(map(is_loopback, addresses)):
        found = f"the host name {name} is {listed(addresses)}"
        why = "nothing to do for distnet, which names the interface; other programs use loopback"
        yield note(found, "an address that other nodes reach", why)
    else:
        yield ok(f"the host name {name} is {listed(addresses)}")


@on_node
def interface(node: Node) -> Iterator[Finding]:
    """The interface for gloo and NCCL is the one that holds the node's address."""
    if node.address is None:
        remedy = "connect it to a network, or set its `address` in the cluster file"
        yield fault("found no network", "an address that other nodes reach", remedy)
        return
    own = node.interface
    if own is None:
        yield warning(
            f"no interface holds {node.address}, the address of this node",
            f"one of {listed(each.address for each in node.interfaces)}",
            "set `address` in the cluster file to one of them that all nodes reach; behind NAT, "
            "set GLOO_SOCKET_IFNAME and NCCL_SOCKET_IFNAME",
        )
        return
    yield from _forced(node, own.name)
    others = sorted({each.name for each in node.interfaces} - {own.name, "lo"})
    more = f"; not used: {listed(others)}" if others else ""
    yield ok(f"gloo and NCCL use {own.name} ({own.address}, packets of {own.mtu} bytes){more}")


@on_node
def ports(node: Node) -> Iterator[Finding]:
    """The ports that the node needs are free, before it is one."""
    for port in node.taken_ports:
        yield fault(
            f"cannot listen on port {port.port}: {port.error}",
            f"a free port for `{port.key}`",
            f"end the program that listens (ss -ltnp 'sport = :{port.port}'), or set another "
            f"`{port.key}` in the cluster file",
        )


def is_loopback(address: str) -> bool:
    """Whether an address is the machine itself for every machine."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _forced(node: Node, own: str) -> Iterator[Finding]:
    """Variables that make gloo or NCCL use another interface."""
    for variable in FORCED:
        value = node.environment.get(variable, "").lstrip("=")
        if value and not any(own.startswith(name) for name in value.split(",")):
            found = f"{variable} is {node.environment[variable]}"
            expected = f"{own}, which holds the node's address {node.address}"
            yield warning(found, expected, f"unset {variable} where Ray is started")
