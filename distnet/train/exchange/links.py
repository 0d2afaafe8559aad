"""Rows between hosts: sent by the first worker of each host, with gloo, or NCCL on GPUs.

Only copies are sent here; `tree.py` decides what is added to what.
"""

from collections.abc import Sequence

import torch.distributed as dist
from torch import Tensor

from distnet.train.exchange.tree import Addition, Tree, stretch_of
from distnet.train.exchange.worker_group import WorkerGroup


class Links:
    """The pairs of one host with all others."""

    def __init__(
        self, hosts: tuple[range, ...], group: WorkerGroup, groups: Sequence[Sequence[int]]
    ) -> None:
        self.num_hosts = len(hosts)
        self._tree = Tree(hosts[-1].stop, hosts)
        self._groups = groups
        self._leaders = [ranks[0] for ranks in groups]
        self._me = next(i for i, ranks in enumerate(groups) if group.rank in ranks)

    def on_host(self, pairs: Sequence[Addition]) -> list[Addition]:
        """Those of `pairs` that need no other host."""
        inside = set(self._tree.inside[self._me])
        return [pair for pair in pairs if pair in inside]

    def share_rows(self, rows: Tensor, left_of_worker: Sequence[Sequence[int]]) -> None:
        """Send the rows that this host's workers are left with to all hosts, and receive theirs.

        Args:
            rows: [S, n]; rows of other hosts are written at their own index.
            left_of_worker: for each rank, the rows that it is left with.
        """
        left = [[row for rank in ranks for row in left_of_worker[rank]] for ranks in self._groups]
        others = self._others()
        _travel(
            [self._receive(rows[row], host, row) for host in others for row in left[host]],
            [self._send(rows[row], host, row) for host in others for row in left[self._me]],
        )

    def sum_rows(self, rows: Tensor) -> None:
        """Sum what all hosts are left with into row 0, each host one stretch of the vector."""
        left = self._tree.roots
        stretches = [
            slice(*stretch_of(h, self.num_hosts, rows.shape[1])) for h in range(self.num_hosts)
        ]
        mine, others = stretches[self._me], self._others()
        _travel(
            [self._receive(rows[row, mine], host, row) for host in others for row in left[host]],
            [
                self._send(rows[row, stretches[host]], host, row)
                for host in others
                for row in left[self._me]
            ],
        )
        for to, other in self._tree.across:
            rows[to, mine].add_(rows[other, mine])
        _travel(
            [self._receive(rows[0, stretches[host]], host, 0) for host in others],
            [self._send(rows[0, mine], host, 0) for host in others],
        )

    def _others(self) -> list[int]:
        return [host for host in range(self.num_hosts) if host != self._me]

    def _send(self, numbers: Tensor, host: int, tag: int) -> dist.P2POp:
        return dist.P2POp(dist.isend, numbers, self._leaders[host], tag=tag)

    def _receive(self, numbers: Tensor, host: int, tag: int) -> dist.P2POp:
        return dist.P2POp(dist.irecv, numbers, self._leaders[host], tag=tag)


def _travel(receives: Sequence[dist.P2POp], sends: Sequence[dist.P2POp]) -> None:
    """Start all of them at once, and wait for all.

    Receives come first: gloo's receiver says that it is ready over the connection that carries its
    own data, and once these are on their way, they go first. Hosts would send in turns then.
    """
    moves = [*receives, *sends]
    for work in dist.batch_isend_irecv([move for move in moves if move.tensor.numel()]):
        work.wait()
