"""Find nodes by what an admin types: a name, an id, or the start of an id."""

from collections import Counter
from collections.abc import Sequence

from distnet.protocol.errors import InvalidError, no_such
from distnet.scheduler.view import Node
from distnet.server.state.mirror import Mirror

SHORTEST = 4
"""Characters of an id."""


def find_nodes(mirror: Mirror, words: Sequence[str]) -> list[Node]:
    """Find the nodes of the newest snapshot that are meant, each once.

    Raises:
        NotFoundError: no node has this name or id.
        InvalidError: `ambiguous`: several ids start like this.
    """
    nodes = mirror.snapshot.nodes if mirror.snapshot is not None else ()
    found = [node for word in words for node in _find(nodes, word)]
    return list({node.id: node for node in found}.values())


def lasting_name(mirror: Mirror, node: Node) -> str:
    """What a node is called in the ledger: its name; its id if it shares the name with others."""
    nodes = mirror.snapshot.nodes if mirror.snapshot is not None else ()
    has_own_name = node.name and Counter(other.name for other in nodes)[node.name] == 1
    return node.name if has_own_name else node.id


def _find(nodes: Sequence[Node], word: str) -> list[Node]:
    named = [node for node in nodes if word in (node.name, node.id)]
    if named:
        return named
    like = [node for node in nodes if len(word) >= SHORTEST and node.id.startswith(word)]
    if len(like) > 1:
        raise InvalidError(
            f"{word}: found {len(like)} nodes whose ids start like this, expected one",
            code="ambiguous",
        )
    if not like:
        raise no_such("node", word, [node.name or node.id for node in nodes], "distnet nodes")
    return like
