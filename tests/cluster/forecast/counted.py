"""The real exchange of all workers, one after the other, with messages that are counted, not sent.

Only the transport is replaced: who sends which row or stretch to whom is decided by the code that
trains.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from distnet.cluster.forecast.layout import Layout
from distnet.cluster.forecast.traffic import Load
from distnet.train.exchange import links, reduce
from distnet.train.exchange.worker_group import WorkerGroup


@dataclass(frozen=True)
class Message:
    """One message that a worker would send or receive."""

    op: str
    tensor: Tensor
    peer: int
    tag: int


class Counting:
    """Takes the place of torch.distributed in the links."""

    P2POp, isend, irecv = Message, "send", "receive"

    def __init__(self) -> None:
        self.batches: list[list[Message]] = []

    def batch_isend_irecv(self, messages: list[Message]) -> list[Any]:
        """Count the messages of a round."""
        self.batches.append(messages)
        return []


class OwnRows:
    """Takes the place of the shared rows: those of one worker, who waits for nobody."""

    def __init__(self, layout: Layout, rank: int, slices: int, length: int) -> None:
        self.hosts = tuple(tuple(ranks) for ranks in layout.groups)
        self.host = next(i for i, ranks in enumerate(self.hosts) if rank in ranks)
        self.rows = torch.zeros(1, 1).expand(slices, length)

    def wait(self) -> None:
        """Wait for nobody."""

    def turn_page(self) -> None:
        """There is one page."""


def real_rounds(
    monkeypatch: pytest.MonkeyPatch, layout: Layout, slices: int, length: int
) -> list[list[Load]]:
    """Of each round, the load of every group, counted in the code that trains."""
    of_groups = [
        real_batches(monkeypatch, layout, group[0], slices, length) for group in layout.groups
    ]
    assert len({len(batches) for batches in of_groups}) == 1
    return [
        [_load(layout, group, messages) for group, messages in enumerate(of_round)]
        for of_round in zip(*of_groups, strict=True)
    ]


def real_batches(
    monkeypatch: pytest.MonkeyPatch, layout: Layout, rank: int, slices: int, length: int
) -> list[list[Message]]:
    """The messages of one worker, by round."""
    counting = Counting()
    monkeypatch.setattr(links, "dist", counting)
    monkeypatch.setattr(
        reduce, "SharedRows", lambda *_, **__: OwnRows(layout, rank, slices, length)
    )
    monkeypatch.setattr(Tensor, "add_", lambda self, *_, **__: self)  # the rows are not written
    group = WorkerGroup(rank=rank, size=layout.workers)
    reduce.build_sum(group, slices, length)()
    return counting.batches


def _load(layout: Layout, group: int, messages: Sequence[Message]) -> Load:
    sent = [m for m in messages if m.op == Counting.isend]
    received = [m for m in messages if m.op == Counting.irecv]
    host = layout.host_of(group)

    def is_far(message: Message) -> bool:
        return message.peer // layout.per_host != host

    return Load(
        len(sent),
        len(received),
        sum(map(_num_bytes, sent)),
        sum(map(_num_bytes, received)),
        sum(map(_num_bytes, filter(is_far, sent))),
        sum(map(_num_bytes, filter(is_far, received))),
    )


def _num_bytes(message: Message) -> int:
    return message.tensor.numel() * message.tensor.element_size()
