"""Python and its packages, and the Ray that runs."""

from collections.abc import Iterator

from distnet.cluster.doctor.facts import Node, RunningRay
from distnet.cluster.doctor.finding import Finding, fault, note, ok, warning
from distnet.cluster.doctor.registry import on_node
from distnet.cluster.hosts.pythons import OLDEST

INSTALL = "pip install --editable ."
LATER = "nothing to do: distnet cluster up installs it"


@on_node
def python(node: Node) -> Iterator[Finding]:
    """Python is new enough."""
    if node.python is None:
        expected = "a Python that runs"
        yield fault("found no Python that starts", expected, "apt-get install python3.11")
    elif tuple(map(int, node.python.split(".")[:2])) < OLDEST:
        yield fault(f"found Python {node.python}", "3.11 or newer", "apt-get install python3.11")
    else:
        yield ok(f"Python {node.python}")


@on_node
def packages(node: Node) -> Iterator[Finding]:
    """All that distnet needs is installed."""
    missing = [name for name, version in node.versions.items() if version is None]
    if missing and not node.wants_packages:
        yield note(f"found no {', '.join(missing)} yet", "them, once it is a node", LATER)
    elif missing:
        yield fault(f"found no {', '.join(missing)}", "all that distnet needs", INSTALL)
    else:
        yield ok(", ".join(f"{name} {version}" for name, version in node.versions.items()))


@on_node
def torchvision(node: Node) -> Iterator[Finding]:
    """The torchvision is the one that was built for this torch."""
    has, found = node.versions.get("torch"), node.versions.get("torchvision")
    if has is None or found is None or node.torch_wanted is None:
        return
    if has.partition("+")[0] != node.torch_wanted.partition("+")[0]:
        yield fault(
            f"found torchvision {found}, which is built for torch {node.torch_wanted}, and {has}",
            "a pair that matches",
            "pip install --upgrade torch torchvision",
        )
    else:
        yield ok(f"torchvision {found} matches torch {has}")


@on_node
def running_ray(node: Node) -> Iterator[Finding]:
    """The Ray that runs is of the installed version, and wants a token."""
    if not node.rays:
        yield ok("no Ray runs here")
    for ray in node.rays:
        yield from _judged(node, ray)


def _judged(node: Node, ray: RunningRay) -> Iterator[Finding]:
    installed = node.versions.get("ray")
    what = f"Ray {ray.version or 'of an unknown version'} runs (process {ray.pid}"
    what += f", head {ray.head})" if ray.head else ")"
    if ray.version is not None and installed is not None and ray.version != installed:
        remedy = "restart it with the installed version: ray stop, then ray start, or cluster up"
        yield fault(what, f"Ray {installed}, as is installed", remedy)
    elif ray.auth_mode != "token" and not str(ray.address or "").startswith("127."):
        remedy = "start every node and client with RAY_AUTH_MODE=token: distnet cluster up does"
        yield warning(f"{what} without a token", "RAY_AUTH_MODE=token", remedy)
    else:
        mode = "with a token" if ray.auth_mode == "token" else "on loopback"
        yield ok(f"{what} {mode}")
