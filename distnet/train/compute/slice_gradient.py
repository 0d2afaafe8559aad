"""The gradient of one slice: the unit of work that is the same whoever does it.

What a slice computes depends on the weights, the samples and (seed, step, slice), and on nothing
that another slice of the same step has done: dropout and augmentation draw from a generator seeded
for this slice, and running statistics start from those of the step's beginning.
"""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn

from distnet.data.augment import Change
from distnet.data.order import mix
from distnet.tasks.task import Task
from distnet.train.compute.flat import FlatNetwork
from distnet.train.compute.row import NUM_SUMS


class SliceGradient:
    """Computes the row of a slice: [gradient P | change of buffers B | riders].

    Gradient, loss and score are sums over the slice's samples; see `riders.py` for the rest.
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
        self._seed, self._is_channels_last = seed, is_channels_last
        self.pieces = pieces
        """In how many parts a slice is computed, one after the other, to save memory."""
        self._precision = precision_context(flat.vector.device.type, is_bf16=is_bf16)
        self._num_parameters = flat.num_parameters
        self._device = flat.vector.device
        self._start = flat.buffers.read()

    @property
    def row_length(self) -> int:
        """P + B + what rides along."""
        return self._num_parameters + self._flat.buffers.num_numbers + NUM_SUMS

    def compute(self, step: int, index: int, x: Tensor, y: Tensor, row: Tensor) -> None:
        """Write the row of slice `index` of `step` for its samples x [n, ...], y [n, ...]."""
        x = self.prepare(step, index, x)
        gradient, sums = row[: self._num_parameters], row[-NUM_SUMS:]
        sums.zero_()
        self._add_pieces(x, y, gradient, sums)
        if self._start:
            changes = self._flat.buffers.change_since(self._start)
            row[self._num_parameters : -NUM_SUMS] = changes

    def prepare(self, step: int, index: int, x: Tensor) -> Tensor:
        """Seed the generators and reset the buffers for a slice; augment and scale its x."""
        seed_generators(self._device, self._seed, step, index)
        self.reset_buffers()
        if self._augment is not None:
            x = self._augment(x)
        x = self._scale(x)
        return x.contiguous(memory_format=torch.channels_last) if self._is_channels_last else x

    def losses(self, x: Tensor, y: Tensor) -> Tensor:
        """Compute the losses [n] of prepared samples, with their graph."""
        self.reset_buffers()
        return self._forward(x, y)[1]

    def bounds(self, num_samples: int) -> Iterable[tuple[int, int]]:
        """First sample and end of each piece of a slice."""
        pieces = min(self.pieces, num_samples)
        return pairwise(piece * num_samples // pieces for piece in range(pieces + 1))

    @torch.no_grad()
    def why_whole(self, x: Tensor, y: Tensor) -> str | None:
        """Say why a slice of this network must not be cut; None if samples are independent.

        Args:
            x: two samples [2, ...].
            y: their targets.
        """
        x = self.prepare(0, 0, x)
        before = _generator_states(self._device)
        outputs, losses, _ = self._forward(x, y)
        if not all(map(torch.equal, before, _generator_states(self._device))):
            return "the network draws random numbers (dropout), which would be others"
        if self._start and self._flat.buffers.change_since(self._start).any():
            return "its buffers change with every batch (batch normalisation)"
        alone, others, _ = self._forward(x[[0, 0]], y[[0, 0]])
        if not torch.equal(outputs[0], alone[0]) or not torch.equal(losses[0], others[0]):
            return "what it computes for a sample depends on the others (normalisation of a batch)"
        return None

    def restart(self) -> None:
        """Take the buffers as they are now for those of the step's beginning."""
        self._start = self._flat.buffers.read()

    def apply_buffers(self, changes: Tensor, slices: int) -> None:
        """Move the buffers by the mean over all slices, from the sum of changes [B]."""
        if self._start:
            self._start = self._flat.buffers.moved(self._start, changes / slices)
            self._flat.buffers.write(self._start)

    def reset_buffers(self) -> None:
        """Set the buffers to what they were at the step's beginning."""
        if self._start:
            self._flat.buffers.write(self._start)

    def _add_pieces(self, x: Tensor, y: Tensor, gradient: Tensor, sums: Tensor) -> None:
        """Write the gradient of the slice, computed in as many pieces as the job says."""
        if min(self.pieces, len(x)) == 1:
            self._add_piece(x, y, gradient, sums)
            return
        total = torch.zeros_like(gradient)
        for low, high in self.bounds(len(x)):
            # Memory of its own: a matrix product may depend on where its operands lie.
            self._add_piece(x[low:high].clone(), y[low:high], gradient, sums)
            total.add_(gradient)
        gradient.copy_(total)

    def _add_piece(self, x: Tensor, y: Tensor, gradient: Tensor, sums: Tensor) -> None:
        outputs, _, loss = self._forward(x, y)
        torch.cat(gradients(loss, self._flat.parameters), out=gradient)
        sums[0] += loss.detach()
        sums[1] += self._task.scores(outputs.detach().float(), y).sum()

    def _forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Compute outputs [n, K], losses [n], and the sum of the losses."""
        with self._precision():
            outputs = self._flat.network(x)
            losses = self._task.losses(outputs.float(), y)
            return outputs, losses, losses.sum()


def gradients(loss: Tensor, parameters: list[nn.Parameter], *, keep: bool = False) -> list[Tensor]:
    """Compute the gradient of `loss`, flat, one vector a parameter; `keep` keeps the graph."""
    parts = torch.autograd.grad(
        loss, parameters, retain_graph=keep, allow_unused=True, materialize_grads=True
    )
    return [part.reshape(-1) for part in parts]


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


def _generator_states(device: torch.device) -> list[Tensor]:
    states = [torch.default_generator.get_state()]
    if device.type == "cuda":
        states.append(torch.cuda.default_generators[device.index or 0].get_state())
    return states
