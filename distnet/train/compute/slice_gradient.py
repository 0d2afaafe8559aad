"""The gradient of one slice: the unit of work, the same on any worker.

What a slice computes depends on the weights, the samples and (seed, step, slice), and on nothing
that another slice of the same step has done: dropout and augmentation draw from a generator seeded
for this slice, and running statistics start from those of the step's beginning.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from distnet.data.batch import Batch, Column, Ragged
from distnet.tasks.task import Loss, Networks, Phase, Task
from distnet.train.compute.capture import Capture
from distnet.train.compute.generators import generator_states, seed_generators
from distnet.train.compute.player import Player
from distnet.train.compute.row import Layout
from distnet.train.compute.step_buffers import StepBuffers
from distnet.train.compute.turn import SliceId, Turn
from distnet.train.inventory.flat import FlatNetwork
from distnet.train.inventory.requirements import require_open_graph

PrepareBatch = Callable[[Batch], Batch]
"""From samples as stored to the input of a network: augmented, scaled, laid out."""


@dataclass(frozen=True)
class Gathered:
    """What a task with `embed` sees of the other slices: fields of all samples of the step."""

    batch: Batch
    """The field `embedding` [N, d], and those that the task's `gathers` names."""
    first: int
    """The first sample of this slice among them."""


class SliceGradient:
    """Computes the rows of slices; see `row.py` for their layout.

    Args:
        flat: the network that trains.
        networks: it and its shadows, as the task sees them.
        task: what is learned.
        prepare: from samples as stored to the input of a network.
        seed: the job's.
        pieces: in how many parts a slice is computed, one after the other, to save memory.
        is_bf16: whether the network's arithmetic is bf16 where that is safe.
        captured: phases whose slices are captured where that is possible (`capture.py`).
    """

    def __init__(
        self,
        flat: FlatNetwork,
        networks: Networks,
        task: Task,
        prepare: PrepareBatch,
        *,
        seed: int,
        pieces: int = 1,
        is_bf16: bool = False,
        captured: Sequence[Phase] = (),
    ) -> None:
        self._flat, self._networks, self._task = flat, networks, task
        self.prepare, self._seed = prepare, seed
        self.pieces, self._is_bf16 = pieces, is_bf16
        self._device = flat.vector.device
        self._precision = precision_context(self._device.type, is_bf16=is_bf16)
        self.buffers = StepBuffers(flat)
        self._layouts: dict[str, Layout] = {}
        self._inspected = set[str]()
        """The phases whose graph was looked at."""
        # Buffers that change belong to the step; a replay depends on its samples alone.
        may_capture = not self.buffers and self._device.type == "cpu" and not is_bf16
        self._captures = {p.name: self._capture(p) for p in captured} if may_capture else {}

    def twin(self, flat: FlatNetwork, networks: Networks, task: Task) -> "SliceGradient":
        """Make one that computes in the same way, with another network and task."""
        return SliceGradient(
            flat,
            networks,
            task,
            self.prepare,
            seed=self._seed,
            pieces=self.pieces,
            is_bf16=self._is_bf16,
        )

    def layout(self, phase: Phase) -> Layout:
        """The offsets of each part in the rows of a phase."""
        if phase.name not in self._layouts:
            player = self._flat.players[phase.player]
            self._layouts[phase.name] = Layout(
                player.num_parameters,
                len(phase.metrics),
                player.buffers.num_numbers,
                has_wide=player.buffers.num_wide > 0,
            )
        return self._layouts[phase.name]

    def write(
        self, row: Tensor, of: SliceId, batch: Batch, gathered: Gathered | None = None
    ) -> None:
        """Write gradient, sums and changes of buffers of a slice into its row."""
        phase = of.turn.phase
        capture = self._captures.get(phase.name) if self.pieces == 1 else None
        out = row[: self.layout(phase).sums_end]
        if capture is not None and gathered is None and capture.write(batch, out):
            return
        self.compute(row, of, batch, gathered)

    def compute(
        self, row: Tensor, of: SliceId, batch: Batch, gathered: Gathered | None = None
    ) -> None:
        """Do the same as `write` by the network itself, never by a replay."""
        phase = of.turn.phase
        player, layout = self._flat.players[phase.player], self.layout(phase)
        out = row[: layout.sums_end]
        self._write_pieces(self.prepared(of, batch), phase, player, out, gathered)
        self.buffers.write(row[layout.sums_end : layout.flags_start], player, of.slice)

    def prepared(self, of: SliceId, batch: Batch) -> Batch:
        """Seed the generators and reset the buffers for a slice; augment and scale its samples."""
        seed_generators(self._device, self._seed, of.step, of.slice, *of.turn.key)
        self.reset_buffers()
        return self.prepare(own_copy(batch))  # a network may change its inputs in place

    def loss(self, batch: Batch, phase: Phase) -> Loss:
        """Compute the loss of prepared samples, with its graph, from the buffers of the step."""
        self.reset_buffers()
        return self._loss(batch, phase)

    def bounds(self, num_samples: int) -> Iterable[tuple[int, int]]:
        """First sample and end of each piece of a slice."""
        pieces = min(self.pieces, num_samples)
        return pairwise(piece * num_samples // pieces for piece in range(pieces + 1))

    @torch.no_grad()
    def why_whole(self, batch: Batch, phase: Phase) -> str | None:
        """The reason why a slice of this network must not be cut; None if samples are independent.

        Args:
            batch: two samples.
            phase: whose loss is computed.
        """
        if hasattr(self._task, "embed"):
            return None  # a piece sees the embeddings of all others
        batch = self.prepared(SliceId(Turn(phase, 0, ()), 0, 0), batch)
        before = generator_states(self._device)
        losses = self._loss(batch, phase).values
        if before != generator_states(self._device):
            return "the network draws random numbers (dropout), which would change"
        if self.buffers.have_changed():
            return "its buffers change with every batch (batch normalisation)"
        if losses.shape != (len(batch),):
            return "its loss is one number for the whole slice"
        twice = batch.slice(0, 1).joined(batch.slice(0, 1))
        if not torch.equal(losses[0], self._loss(twice, phase).values[0]):
            return "what it computes for a sample depends on the others (batch normalisation)"
        return None

    def restart(self) -> None:
        """Use the buffers as they are now as those of the step's beginning."""
        self.buffers.restart()

    def reset_buffers(self) -> None:
        """Set the buffers to what they were at the step's beginning."""
        self.buffers.reset()

    def embed(self, of: SliceId, batch: Batch) -> Tensor:
        """Compute the embeddings [n, d] of a slice, without their graph."""
        batch = self.prepared(of, batch)
        with torch.no_grad(), self._precision():
            embedding: Tensor = self._task.embed(self._networks, batch)  # type: ignore[attr-defined]
        return embedding

    def _write_pieces(
        self, batch: Batch, phase: Phase, player: Player, out: Tensor, gathered: Gathered | None
    ) -> None:
        """Write gradient and sums of the slice, computed in as many pieces as the job says."""
        if min(self.pieces, len(batch)) == 1:
            self._write_piece(batch, phase, player, out, gathered)
            return
        total = torch.zeros_like(out)
        for low, high in self.bounds(len(batch)):
            beside = gathered and Gathered(gathered.batch, gathered.first + low)
            self._write_piece(own_copy(batch.slice(low, high)), phase, player, out, beside)
            total.add_(out)
        out.copy_(total)

    def _write_piece(
        self, batch: Batch, phase: Phase, player: Player, out: Tensor, gathered: Gathered | None
    ) -> None:
        torch.cat(self._numbers(batch, phase, player, gathered), out=out)

    def _numbers(
        self, batch: Batch, phase: Phase, player: Player, gathered: Gathered | None = None
    ) -> list[Tensor]:
        """The gradient of each parameter, flat, and the sums."""
        if gathered is None:
            value, sums = weigh(self._loss(batch, phase), phase, len(batch))
        else:
            value, sums = self._weigh_among(batch, phase, gathered)
        if phase.name not in self._inspected:  # once: it looks at every operation
            require_open_graph(value)
            self._inspected.add(phase.name)
        return [*player.gradients(value), sums]

    def _capture(self, phase: Phase) -> Capture:
        player = self._flat.players[phase.player]
        return Capture(lambda batch: self._numbers(self.prepare(batch), phase, player))

    def _weigh_among(self, batch: Batch, phase: Phase, gathered: Gathered) -> tuple[Tensor, Tensor]:
        """The summed loss of all samples, differentiated through those of this batch alone.

        Added up over all slices, the gradients are that of the whole loss. The sums are those of
        this batch's own samples. Source: Gao et al. 2021, "Scaling Deep Contrastive Learning Batch
        Size under Memory Limited Setup" (gradient cache).
        """
        low, high = gathered.first, gathered.first + len(batch)
        with self._precision():
            own: Tensor = self._task.embed(self._networks, batch)  # type: ignore[attr-defined]
        every = gathered.batch.tensor("embedding")
        whole = gathered.batch.with_(embedding=torch.cat([every[:low], own, every[high:]]))
        loss = self._loss(whole, phase)
        weights = None if loss.weights is None else loss.weights[low:high]
        mine = replace(loss, values=loss.values[low:high], weights=weights)
        _, sums = weigh(mine, phase, len(batch))
        return (loss.values if loss.weights is None else loss.values * loss.weights).sum(), sums

    def _loss(self, batch: Batch, phase: Phase) -> Loss:
        with self._precision():
            return self._task.loss(self._networks, batch, phase)


def weigh(loss: Loss, phase: Phase, num_samples: int) -> tuple[Tensor, Tensor]:
    """The summed loss of a slice with its graph, and [2 + 2 M]: it, its weight and the metrics."""
    if loss.weights is None:
        weight: Tensor | float = float(num_samples)
        value = loss.values.sum() if loss.values.ndim else loss.values * num_samples
    else:
        value, weight = (loss.values * loss.weights).sum(), loss.weights.sum()
    numbers = [value.detach(), weight]
    for name in phase.metrics:
        numbers += loss.metrics[name]
    return value, torch.stack([_scalar(number, value) for number in numbers])


def own_copy(batch: Batch) -> Batch:
    """Copy samples: matrix products may depend on the alignment of their operands."""
    return Batch({name: _copied(column) for name, column in batch.fields.items()})


def _copied(column: Column) -> Column:
    match column:
        case Tensor():
            return column.clone()
        case Ragged():
            return Ragged(column.values.clone(), column.lengths.clone())
        case _:
            return [each.clone() for each in column]


def precision_context(device: str, *, is_bf16: bool) -> Callable[[], AbstractContextManager[None]]:
    """The context in which a network computes: bf16 where it is safe, or fp32."""
    if not is_bf16:
        return nullcontext
    return partial(torch.autocast, device, dtype=torch.bfloat16)


def _scalar(number: Tensor | float, like: Tensor) -> Tensor:
    if isinstance(number, Tensor):
        return number.to(like.dtype)
    # Filled on the device: a copy from the host would wait for all that was queued before it.
    return torch.full((), number, dtype=like.dtype, device=like.device)
