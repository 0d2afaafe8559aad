"""The gradient of one slice: the unit of work that is the same whoever does it.

What a slice computes depends on the weights, the samples and (seed, step, slice), and on nothing
that another slice of the same step has done: dropout and augmentation draw from a generator seeded
for this slice, and running statistics start from those of the step's beginning.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from distnet.data.augment import Change
from distnet.data.order import mix
from distnet.tasks.task import Task
from distnet.train.flat import FlatNetwork

NUM_SUMS = 3  # loss, score, stop requests: they ride at the end of the gradient


class SliceGradient:
    """Computes the row of a slice: [gradient P | change of buffers B | loss, score, stop].

    Everything in a row is a sum over the slice's samples, except the change of buffers.
    """

    def __init__(
        self,
        flat: FlatNetwork,
        task: Task,
        scale: Callable[[Tensor], Tensor],
        augment: Change | None,
        *,
        seed: int,
        pieces: int = 1,
        is_bf16: bool = False,
        is_channels_last: bool = False,
    ) -> None:
        self._flat, self._task, self._scale, self._augment = flat, task, scale, augment
        self._seed, self._pieces, self._is_channels_last = seed, pieces, is_channels_last
        self._precision = precision_context(flat.vector.device.type, is_bf16=is_bf16)
        self._num_parameters = flat.num_parameters
        self._device = flat.vector.device
        self._start = flat.buffers.read()

    @property
    def row_length(self) -> int:
        """P + B + the sums that ride along."""
        return self._num_parameters + self._flat.buffers.num_numbers + NUM_SUMS

    def compute(self, step: int, index: int, x: Tensor, y: Tensor, row: Tensor) -> None:
        """Write the row of slice `index` of `step` for its samples x [n, ...], y [n, ...]."""
        seed_generators(self._device, self._seed, step, index)
        if self._start:
            self._flat.buffers.write(self._start)
        if self._augment is not None:
            x = self._augment(x)
        x = self._scale(x)
        if self._is_channels_last:
            x = x.contiguous(memory_format=torch.channels_last)
        gradient, sums = row[: self._num_parameters], row[-NUM_SUMS:]
        sums.zero_()
        self._add_pieces(x, y, gradient, sums)
        if self._start:
            changes = self._flat.buffers.change_since(self._start)
            row[self._num_parameters : -NUM_SUMS] = changes

    def restart(self) -> None:
        """Take the buffers as they are now for those of the step's beginning."""
        self._start = self._flat.buffers.read()

    def apply_buffers(self, changes: Tensor, slices: int) -> None:
        """Move the buffers by the mean over all slices, from the sum of changes [B]."""
        if self._start:
            self._start = self._flat.buffers.moved(self._start, changes / slices)
            self._flat.buffers.write(self._start)

    def _add_pieces(self, x: Tensor, y: Tensor, gradient: Tensor, sums: Tensor) -> None:
        """Write the gradient of the slice, computed in as many pieces as the job says."""
        pieces = min(self._pieces, len(x))
        if pieces == 1:
            self._add_piece(x, y, gradient, sums)
            return
        total = torch.zeros_like(gradient)
        bounds = [piece * len(x) // pieces for piece in range(pieces + 1)]
        for low, high in pairwise(bounds):
            # Memory of its own: a matrix product may depend on where its operands lie.
            self._add_piece(x[low:high].clone(), y[low:high], gradient, sums)
            total.add_(gradient)
        gradient.copy_(total)

    def _add_piece(self, x: Tensor, y: Tensor, gradient: Tensor, sums: Tensor) -> None:
        with self._precision():
            outputs = self._flat.network(x)
            loss = self._task.losses(outputs.float(), y).sum()
        parts = torch.autograd.grad(
            loss, self._flat.parameters, allow_unused=True, materialize_grads=True
        )
        torch.cat([part.reshape(-1) for part in parts], out=gradient)
        sums[0] += loss.detach()
        sums[1] += self._task.scores(outputs.detach().float(), y).sum()


def precision_context(device: str, *, is_bf16: bool) -> Callable[[], AbstractContextManager[None]]:
    """The context in which a network computes: bf16 where it is safe, or fp32."""
    if not is_bf16:
        return nullcontext
    return partial(torch.autocast, device, dtype=torch.bfloat16)


def seed_generators(device: torch.device, *key: int) -> None:
    """Seed torch's global generators, of the CPU and of this GPU, with a hash of `key`."""
    seed = mix(*key) >> 1
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
