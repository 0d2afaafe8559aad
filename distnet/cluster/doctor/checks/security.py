"""Tokens: who can read them, and whether all nodes have the same."""

from collections.abc import Iterator

from distnet.cluster.doctor.facts import Examination, Node
from distnet.cluster.doctor.finding import Finding, fault, ok, warning
from distnet.cluster.doctor.registry import on_cluster, on_node
from distnet.cluster.doctor.unlike import majority, unlike

OTHERS = 0o077


@on_node
def token_file(node: Node) -> Iterator[Finding]:
    """Only the user can read the files with tokens."""
    for secret in node.secrets:
        if secret.mode & OTHERS:
            found = f"others can read {secret.path} (mode {secret.mode:04o})"
            yield fault(found, "mode 0600", f"chmod 600 {secret.path}; then make a new token")
        elif not secret.is_own:
            remedy = f"chown $USER {secret.path}"
            yield warning(f"{secret.path} belongs to another user", "the user of the node", remedy)
        else:
            yield ok(f"only its user can read {secret.path}")


@on_cluster
def token(all_of_it: Examination) -> Iterator[Finding]:
    """All nodes have the same token."""
    has = {node.name: _digest(node) for node in all_of_it.nodes if node.is_node}
    if len(has) < 2:
        return
    for name in unlike(has):
        yield fault(
            f"{name} has {'no token' if not has[name] else 'another token'}",
            f"that of {majority(has)}; Ray refuses all others",
            "distnet cluster up FILE puts the same on every host",
        ).at(name)
    if not unlike(has):
        yield ok("all nodes have the same token" if any(has.values()) else "no node has a token")


@on_cluster
def auth_mode(all_of_it: Examination) -> Iterator[Finding]:
    """Every Ray node wants the token: one that does not is refused by the others."""
    has = {
        node.name: next((ray.auth_mode or "unset" for ray in node.rays if ray.mark), None)
        for node in all_of_it.nodes
    }
    runs = {name: mode for name, mode in has.items() if mode is not None}
    if len(runs) < 2:
        return
    for name in unlike(runs):
        yield fault(
            f"RAY_AUTH_MODE is {runs[name]}",
            f"{runs[majority(runs)]}, as on {majority(runs)}",
            "distnet cluster up FILE starts every node with the same mode",
        ).at(name)
    if not unlike(runs):
        yield ok(f"RAY_AUTH_MODE={runs[majority(runs)]} on all nodes")


def _digest(node: Node) -> str:
    return next((secret.digest for secret in node.secrets if secret.purpose == "ray"), "")
