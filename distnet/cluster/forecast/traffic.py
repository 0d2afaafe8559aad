"""What the exact sum sends and adds, counted: the messages of `train/exchange/`, without sending.

    short rows   one round: every group sends every row that its workers are left with to all others
    long rows    two rounds: every group adds up one stretch of the vector, then sends it to all

A group is the workers that share memory: those of a host, or one GPU. `tests/cluster/forecast/`
proves that these counts are those of the real exchange.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from distnet.cluster.forecast.layout import Layout
from distnet.train.exchange.tree import SHORT_BYTES, own_slices, stretch_of

ITEM_BYTES = 4
"""Rows are fp32."""


@dataclass(frozen=True)
class Load:
    """What one group sends and receives in a round."""

    num_sent: int
    """Messages to other groups."""
    num_received: int
    bytes_sent: int
    bytes_received: int
    bytes_out: int
    """Of those sent, the bytes that leave the host."""
    bytes_in: int


@dataclass(frozen=True)
class Traffic:
    """One exact sum."""

    rounds: tuple[tuple[Load, ...], ...]
    """In order; of each, the load of every group."""
    num_added: float
    """Numbers that the busiest worker adds or copies, one after the other, after its own slices."""
    row_bytes: int
    """Memory of a host for the rows of all slices."""


def count_traffic(layout: Layout, slices: int, length: int) -> Traffic:
    """Count one exact sum of rows [S, n].

    Args:
        layout: the workers; more than one.
        slices: S, at least as many as workers.
        length: n.
    """
    of_workers = [num_left(own_slices(r, layout.workers, slices), slices) for r in layout.ranks]
    parts = [_part(ranks, layout.workers, slices) for ranks in layout.groups]
    of_groups = [num_left(part, slices) for part in parts]
    left_by_workers = [sum(of_workers[ranks.start : ranks.stop]) for ranks in layout.groups]
    memory, is_alone = slices * length * ITEM_BYTES, len(layout.groups) == 1
    rounds: tuple[tuple[Load, ...], ...] = ()
    if length * ITEM_BYTES <= SHORT_BYTES:
        rounds = () if is_alone else (_share_rows(layout, left_by_workers, length),)
        return Traffic(rounds, (sum(of_workers) - 1) * length, 2 * memory)
    on_host = max(
        (before - after) / len(ranks)
        for before, after, ranks in zip(left_by_workers, of_groups, layout.groups, strict=True)
    )
    across = (sum(of_groups) - 1) / len(layout.groups)
    rounds = () if is_alone else _sum_rows(layout, of_groups, length)
    return Traffic(rounds, (on_host + across + 1) * length, memory)


def num_left(part: range, slices: int) -> int:
    """The rows that remain of slices `part` after all additions of the tree inside it."""
    return _num_left(part, 0, slices)


def _num_left(part: range, low: int, high: int) -> int:
    if part.stop <= low or high <= part.start:
        return 0
    if part.start <= low and high <= part.stop:
        return 1
    middle = (low + high) // 2
    return _num_left(part, low, middle) + _num_left(part, middle, high)


def _part(ranks: range, workers: int, slices: int) -> range:
    first, last = (own_slices(rank, workers, slices) for rank in (ranks[0], ranks[-1]))
    return range(first.start, last.stop)


def _share_rows(layout: Layout, left: Sequence[int], length: int) -> tuple[Load, ...]:
    """Every row that is left goes to all other groups."""
    row, num_groups, total = length * ITEM_BYTES, len(left), sum(left)
    on_host = _by_host(layout, left)
    neighbours = _by_host(layout, [1] * num_groups)
    loads = []
    for group, mine in enumerate(left):
        host = layout.host_of(group)
        sent, received = mine * (num_groups - 1), total - mine
        out, into = mine * (num_groups - neighbours[host]), total - on_host[host]
        loads.append(Load(sent, received, sent * row, received * row, out * row, into * row))
    return tuple(loads)


def _sum_rows(
    layout: Layout, left: Sequence[int], length: int
) -> tuple[tuple[Load, ...], tuple[Load, ...]]:
    """Each group receives its stretch of all rows that are left; then its sum goes to all."""
    num_groups, total = len(left), sum(left)
    bounds = [stretch_of(group, num_groups, length) for group in range(num_groups)]
    sizes = [(high - low) * ITEM_BYTES for low, high in bounds]
    all_bytes, filled = sum(sizes), [int(size > 0) for size in sizes]
    num_filled = sum(filled)
    sizes_on_host, left_on_host = _by_host(layout, sizes), _by_host(layout, left)
    neighbours = _by_host(layout, [1] * num_groups)
    scatter, gather = [], []
    for group, (mine, size, has) in enumerate(zip(left, sizes, filled, strict=True)):
        host, others = layout.host_of(group), total - left[group]
        elsewhere, beyond = all_bytes - size, all_bytes - sizes_on_host[host]
        sent, received = mine * (num_filled - has), others * has
        scatter.append(
            Load(
                *(sent, received, mine * elsewhere, others * size),
                *(mine * beyond, (total - left_on_host[host]) * size),
            )
        )
        far = num_groups - neighbours[host]
        gather.append(
            Load(
                *(has * (num_groups - 1), num_filled - has),
                *(size * (num_groups - 1), elsewhere, size * far, beyond),
            )
        )
    return tuple(scatter), tuple(gather)


def _by_host(layout: Layout, values: Sequence[int]) -> list[int]:
    """The sum of the groups' values on each host."""
    sums = [0] * len(layout.hosts)
    for group, value in enumerate(values):
        sums[layout.host_of(group)] += value
    return sums
