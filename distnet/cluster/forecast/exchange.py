"""Seconds of one sum over all workers, from the messages that are sent and the link between hosts.

The model is that of Hockney (1994): a message of n bytes takes `latency + n / bandwidth`. A host
sends and receives at the full bandwidth of its link at the same time, and all its messages share
it. The costs of the ring are those of Thakur et al. (2005).

With gloo, a receiver first says that it is ready and only then is sent to (`Pair::send` in
gloo/transport/tcp/pair.cc), so that a round costs the latency twice.

Sources: Hockney 1994, "The communication challenge for MPP: Intel Paragon and Meiko CS-2". Thakur,
Rabenseifner, Gropp 2005, "Optimization of Collective Communication Operations in MPICH".
"""

from collections.abc import Sequence
from dataclasses import dataclass

from distnet.cluster.forecast.layout import Layout
from distnet.cluster.forecast.traffic import ITEM_BYTES, Load, count_traffic

GLOO_LATENCIES, NCCL_LATENCIES = 2, 1
"""Of one round. That of NCCL is not measured."""
MESSAGE_S = 35e-6
"""What a worker does for one message; 33 us with gloo, by `python -m tests.bench.exchange`."""
SEGMENT_BYTES = 1 << 20
"""The longest piece that gloo's ring sends at once; two are under way (gloo/allreduce.h)."""


@dataclass(frozen=True)
class Link:
    """What joins the hosts."""

    bytes_per_s: float
    """In each direction."""
    latency_s: float
    """One way."""
    message_s: float = MESSAGE_S
    """What a worker does for each message that it sends or receives."""


@dataclass(frozen=True)
class ExchangeCost:
    """Seconds of one sum, by what takes them."""

    latency_s: float = 0.0
    bandwidth_s: float = 0.0
    messages_s: float = 0.0
    additions_s: float = 0.0

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.latency_s + self.bandwidth_s + self.messages_s + self.additions_s

    def __add__(self, other: "ExchangeCost") -> "ExchangeCost":
        """Two sums, one after the other."""
        return ExchangeCost(
            self.latency_s + other.latency_s,
            self.bandwidth_s + other.bandwidth_s,
            self.messages_s + other.messages_s,
            self.additions_s + other.additions_s,
        )

    def times(self, factor: float) -> "ExchangeCost":
        """The same sum in a part of all steps."""
        return ExchangeCost(
            self.latency_s * factor,
            self.bandwidth_s * factor,
            self.messages_s * factor,
            self.additions_s * factor,
        )


def exact_sum(
    layout: Layout, slices: int, length: int, link: Link, number_s: float
) -> ExchangeCost:
    """Seconds of the exact sum of rows [S, n].

    Args:
        layout: the workers.
        slices: S.
        length: n.
        link: between the hosts.
        number_s: seconds to add one number of a vector to another's.
    """
    if layout.workers == 1:
        return ExchangeCost()
    traffic = count_traffic(layout, slices, length)
    latencies = GLOO_LATENCIES if layout.has_shared_memory else NCCL_LATENCIES
    is_far = len(layout.hosts) > 1
    return ExchangeCost(
        latency_s=len(traffic.rounds) * latencies * link.latency_s * is_far,
        bandwidth_s=sum(_busiest(layout, loads) for loads in traffic.rounds) / link.bytes_per_s,
        messages_s=sum(_most_messages(loads) for loads in traffic.rounds) * link.message_s,
        additions_s=traffic.num_added * number_s,
    )


def fast_sum(layout: Layout, length: int, link: Link, number_s: float) -> ExchangeCost:
    """Seconds of torch's all-reduce of [n]: a ring of all workers.

    Every worker passes on a part of n / W numbers 2 (W - 1) times. All wait for the slowest pair,
    which is one between two hosts. gloo sends a part in segments, two of them at a time.
    """
    workers, num_bytes = layout.workers, length * ITEM_BYTES
    if workers == 1:
        return ExchangeCost()
    turns, part = 2 * (workers - 1), num_bytes / workers
    pairs = max(1, -(-part // (2 * SEGMENT_BYTES)))
    additions_s = (workers - 1) * part / ITEM_BYTES * number_s
    messages_s = turns * pairs * 4 * link.message_s
    if len(layout.hosts) == 1:
        return ExchangeCost(0.0, 0.0, messages_s, additions_s)
    latencies = GLOO_LATENCIES if layout.has_shared_memory else NCCL_LATENCIES
    segment_s = part / pairs / 2 / link.bytes_per_s
    # While one segment waits for its latency, the other one is sent.
    idle_s = max(0.0, latencies * link.latency_s - segment_s)
    return ExchangeCost(
        turns * pairs * idle_s, turns * part / link.bytes_per_s, messages_s, additions_s
    )


def _busiest(layout: Layout, loads: Sequence[Load]) -> int:
    """The bytes of the host that sends or receives the most over its link."""
    out, into = [0] * len(layout.hosts), [0] * len(layout.hosts)
    for group, load in enumerate(loads):
        out[layout.host_of(group)] += load.bytes_out
        into[layout.host_of(group)] += load.bytes_in
    return max(*out, *into)


def _most_messages(loads: Sequence[Load]) -> int:
    return max(load.num_sent + load.num_received for load in loads)
