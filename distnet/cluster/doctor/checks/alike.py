"""What must be the same on all nodes, and what should be."""

from collections.abc import Callable, Hashable, Iterator

from distnet.cluster.doctor.facts import Examination, Node
from distnet.cluster.doctor.finding import Finding, fault, ok, warning
from distnet.cluster.doctor.registry import on_cluster
from distnet.cluster.doctor.units import listed
from distnet.cluster.doctor.unlike import majority, unlike
from distnet.spec.plural import counted

PORTABLE = "`train.bits: portable` in the job file gives the same bits on every x86 CPU"
SAME = "distnet cluster up FILE installs the same on all (`install: checkout` or `index`)"


@on_cluster
def reached(all_of_it: Examination) -> Iterator[Finding]:
    """Every node could be examined."""
    for failed in all_of_it.failed:
        expected = "a node that can be examined"
        yield fault(f"{failed.step}: {failed.found}", expected, failed.remedy).at(failed.node)


@on_cluster
def listed_twice(all_of_it: Examination) -> Iterator[Finding]:
    """No machine is two nodes."""
    first: dict[str, str] = {}
    for node in all_of_it.nodes:
        if node.address is not None and node.address in first:
            found = f"it has the address {node.address} of {first[node.address]}"
            remedy = "list each machine once, or set its `address`"
            yield fault(found, "one machine for each host", remedy).at(node.name)
        first.setdefault(node.address or node.name, node.name)


@on_cluster
def versions(all_of_it: Examination) -> Iterator[Finding]:
    """All nodes have the same Python and packages."""
    nodes = [node for node in all_of_it.nodes if node.wants_packages]
    if len(nodes) < 2:
        return
    differ = False
    names = dict.fromkeys(name for node in nodes for name in node.versions)
    has = {name: {node.name: node.versions.get(name) for node in nodes} for name in names}
    has["Python"] = {node.name: node.python and minor(node.python) for node in nodes}
    for package, values in has.items():
        for node in unlike(values):
            differ = True
            expected = f"{values[majority(values)]}, as on {majority(values)}"
            yield fault(f"{package} {values[node] or 'is missing'}", expected, SAME).at(node)
    if not differ:
        yield ok(f"the same Python, {', '.join(names)} on {counted(len(nodes), 'node')}")


@on_cluster
def source(all_of_it: Examination) -> Iterator[Finding]:
    """All nodes have the same files of distnet: a version is not changed by every edit."""
    yield from _same(
        all_of_it,
        "the hash of distnet's files",
        lambda node: node.distnet_source if node.wants_packages else None,
        SAME,
    )


@on_cluster
def cpu_kind(all_of_it: Examination) -> Iterator[Finding]:
    """All CPUs compute the same bits."""
    yield from _same(
        all_of_it,
        "the kind of CPU",
        lambda node: f"{node.cpu} with {node.instruction_set}",
        f"the last bits of weights differ between kinds; {PORTABLE}",
    )


@on_cluster
def gpu_kind(all_of_it: Examination) -> Iterator[Finding]:
    """All GPUs compute the same bits, at the same speed."""
    yield from _same(
        all_of_it,
        "the kind of GPU",
        lambda node: listed(sorted(set(node.gpus))) or None,
        "the slowest GPU sets the pace, and bits differ; keep a job on one kind with `labels`",
    )


@on_cluster
def drivers(all_of_it: Examination) -> Iterator[Finding]:
    """All GPUs have the same driver."""
    yield from _same(
        all_of_it, "the driver", lambda node: node.driver, "install the same driver on all nodes"
    )


def minor(python: str) -> str:
    """The part of Python's version that all nodes must have in common."""
    return ".".join(python.split(".")[:2])


def _same(
    all_of_it: Examination,
    what: str,
    value_of: Callable[[Node], Hashable],
    remedy: str,
) -> Iterator[Finding]:
    """Compare a value of all nodes that have one."""
    has = {node.name: value for node in all_of_it.nodes if (value := value_of(node)) is not None}
    if len(has) < 2:
        return
    for node in unlike(has):
        expected = f"{has[majority(has)]}, as on {majority(has)}"
        yield warning(f"{what} is {has[node]}", expected, remedy).at(node)
    if not unlike(has):
        yield ok(f"{what} is {has[majority(has)]} on {counted(len(has), 'node')}")
