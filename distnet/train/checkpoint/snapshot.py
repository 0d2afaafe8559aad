"""A copy of the state of training, so that training continues while the copy is written."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from distnet.train.checkpoint.checkpoint import State


class Snapshot:
    """Copies states into CPU memory that is allocated once and reused."""

    def __init__(self) -> None:
        self._memory: dict[tuple[str, str], Tensor] = {}

    def prepare(self, state: State) -> None:
        """Allocate the memory and touch it: the first copy then takes no longer than the others."""
        for part, tensors in (("weights", state.weights), ("optimizer", state.optimizer)):
            for name, tensor in tensors.items():
                self._buffer(part, name, tensor).fill_(0)

    def take(self, state: State) -> State:
        """Copy `state`; the copy is good until the next is taken."""
        weights = self._copy("weights", state.weights)
        optimizer = self._copy("optimizer", state.optimizer)
        for device in {t.device for t in (*state.weights.values(), *state.optimizer.values())}:
            if device.type == "cuda":  # its copies are still on their way
                torch.cuda.synchronize(device)
        return replace(state, weights=weights, optimizer=optimizer)

    @torch.no_grad()
    def _copy(self, part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {
            name: self._buffer(part, name, tensor).copy_(tensor, non_blocking=True)
            for name, tensor in tensors.items()
        }

    def _buffer(self, part: str, name: str, like: Tensor) -> Tensor:
        """Memory for one tensor; pinned for a GPU's, which copies at full speed only there."""
        found = self._memory.get((part, name))
        if found is None or (found.shape, found.dtype) != (like.shape, like.dtype):
            found = torch.empty(like.shape, dtype=like.dtype, pin_memory=like.is_cuda)
            self._memory[part, name] = found
        return found
