"""Clocks: kept right by NTP, and the same on all nodes."""

from collections.abc import Iterator
from dataclasses import dataclass

from distnet.cluster.doctor.facts import Examination, Node
from distnet.cluster.doctor.finding import Finding, note, ok, warning
from distnet.cluster.doctor.registry import on_cluster, on_node
from distnet.cluster.doctor.units import duration

NTP = "timedatectl set-ntp true, or install chrony"
MOST_S = 2.0
"""Logs and the ends of jobs are ordered by time; nothing else depends on clocks."""
RELEASED_S = 1_764_000_000
"""2025-11-24: no clock that is right shows an earlier time."""


@dataclass(frozen=True)
class Clock:
    """How far a clock is ahead of that of the first node."""

    ahead_s: float
    bound_s: float
    """The error of that: half the round trip."""


@on_node
def clock(node: Node) -> Iterator[Finding]:
    """NTP keeps the clock right."""
    if node.time < RELEASED_S:
        yield warning("the clock is years behind", "the time of now", NTP)
    elif node.is_clock_synchronised is None:
        yield ok("the kernel does not say whether NTP keeps the clock")
    elif not node.is_clock_synchronised:
        yield note("no NTP keeps the clock, as the kernel knows it", "NTP", NTP)
    else:
        yield ok("NTP keeps the clock")


@on_cluster
def clock_skew(all_of_it: Examination) -> Iterator[Finding]:
    """The clocks of all nodes agree, as closely as that can be measured."""
    clocks = measured(all_of_it)
    if len(clocks) < 2:
        return
    middle = sorted(clock.ahead_s for clock in clocks.values())[len(clocks) // 2]
    bound_s = max(clock.bound_s for clock in clocks.values())
    far = 0.0
    for name, clock in clocks.items():
        off_s = clock.ahead_s - middle
        far = max(far, abs(off_s))
        if abs(off_s) > MOST_S + clock.bound_s:
            ahead = "ahead of" if off_s > 0 else "behind"
            found = f"its clock is {duration(abs(off_s))} {ahead} the others"
            found += f" (± {duration(clock.bound_s)}, half a round trip)"
            yield warning(found, f"at most {duration(MOST_S)}", NTP).at(name)
    if far <= MOST_S + bound_s:
        agree = f"clocks agree within {duration(far)}"
        yield ok(f"{agree} (± {duration(bound_s)}, half a round trip)")


def measured(all_of_it: Examination) -> dict[str, Clock]:
    """The clocks of all nodes that the first one reaches, as it sees them."""
    if not all_of_it.nodes:
        return {}
    first = all_of_it.nodes[0].name
    clocks = {
        link.target: Clock(link.clock_s, link.clock_bound_s)
        for link in all_of_it.links
        if link.source == first and link.clock_s is not None and link.clock_bound_s is not None
    }
    return {first: Clock(0.0, 0.0)} | clocks
