"""gloo, as strict as NCCL: tags mean nothing, a batch is done as a whole, memory is aligned."""

from collections import Counter
from typing import Any

import torch.distributed as dist

from distnet.train.exchange import links

ALIGNED_BYTES = 16


class StrictBatches:
    """Takes the place of `batch_isend_irecv`: the messages of a pair stay in their order."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[bool, int]] = Counter()
        self._send_and_receive = dist.batch_isend_irecv

    def __call__(self, moves: list[dist.P2POp]) -> list[Any]:
        """Send and receive all of `moves`."""
        assert moves, "NCCL refuses an empty batch"
        ordered = [self._in_order(move) for move in moves]
        for work in self._send_and_receive(ordered):
            work.wait()
        return []

    def _in_order(self, move: dist.P2POp) -> dist.P2POp:
        tensor = move.tensor
        assert tensor.is_contiguous(), "NCCL sends contiguous memory only"
        assert tensor.data_ptr() % ALIGNED_BYTES == 0, f"{tensor.data_ptr() % 16} bytes off"
        pair = move.op is dist.isend, move.peer
        self._counts[pair] += 1
        return dist.P2POp(move.op, tensor, move.peer, tag=self._counts[pair])


def be_strict() -> None:
    """Have the links of this process exchange rows as NCCL would."""
    links.dist = _Strict(StrictBatches())  # type: ignore[attr-defined]


class _Strict:
    """torch.distributed, but for the batches."""

    def __init__(self, batches: StrictBatches) -> None:
        self.batch_isend_irecv = batches

    def __getattr__(self, name: str) -> Any:
        return getattr(dist, name)
