"""The exchange of gradients between all nodes, as training makes it."""

from collections.abc import Iterator
from statistics import median

from distnet.cluster.doctor.facts import Examination, Exchange, Pair
from distnet.cluster.doctor.finding import Finding, fault, note, ok, warning
from distnet.cluster.doctor.registry import on_cluster
from distnet.cluster.doctor.units import bandwidth, duration, size

SLOW = 0.3
"""Of the median bandwidth: a link that is slower than that holds all others up."""


@on_cluster
def exchange(all_of_it: Examination) -> Iterator[Finding]:
    """All nodes exchange rows, and none of the links between them is much slower."""
    for made in all_of_it.exchanges:
        if made.error is not None:
            remedy = "mend the faults of links first; then see the logs of Ray on the nodes"
            yield fault(f"{made.backend}: {made.error}", "an exchange between all nodes", remedy)
        elif made.pairs:
            yield _judged(made)
    for why in all_of_it.omitted:
        yield note(why)


def _judged(made: Exchange) -> Finding:
    slowest = min(made.pairs, key=lambda pair: pair.bytes_per_s)
    typical = median(pair.bytes_per_s for pair in made.pairs)
    what = f"{made.backend} on {len(made.nodes)} nodes: slowest link {described(slowest)}"
    if made.sum_s is not None:
        what += f"; a sum of {size(made.sum_bytes)} over all nodes takes {duration(made.sum_s)}"
    if len(made.pairs) > 1 and slowest.bytes_per_s < SLOW * typical:
        expected = f"about {bandwidth(typical)}, as between the others"
        remedy = f"check cable, switch port and duplex of {' and '.join(slowest.nodes)}: ethtool"
        return warning(what, expected, f"{remedy} INTERFACE")
    return ok(what)


def described(pair: Pair) -> str:
    """A pair with its speed."""
    speed = f"{bandwidth(pair.bytes_per_s)} each way, {duration(pair.round_trip_s)} round trip"
    return f"{' <-> '.join(pair.nodes)} {speed}"
