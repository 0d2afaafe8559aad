"""Which nodes differ from the others."""

from collections import Counter
from collections.abc import Hashable, Mapping


def majority(values: Mapping[str, Hashable]) -> str:
    """The first node with the value that most nodes have; of two as frequent, the first."""
    wanted = Counter(values.values()).most_common(1)[0][0]
    return next(name for name, value in values.items() if value == wanted)


def unlike(values: Mapping[str, Hashable]) -> list[str]:
    """The nodes whose value is not that of most nodes."""
    if not values:
        return []
    wanted = values[majority(values)]
    return [name for name, value in values.items() if value != wanted]
