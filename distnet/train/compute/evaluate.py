"""Exact evaluation: every sample once, the same figures for any number of workers.

The split is cut into S contiguous slices, as a batch is. Each slice's tally and its worst samples
have places of their own in one vector, and one sum along the tree brings all of it together: places
of other slices are zeros, and x + 0 is x.

Letters: m numbers of a tally, K outputs, S slices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from distnet.data.samples import Samples
from distnet.run_folder.heartbeat import Stage
from distnet.tasks.task import Task
from distnet.train.compute.slice_gradient import precision_context, seed_generators
from distnet.train.exchange.reduce import build_sum
from distnet.train.exchange.worker_group import WorkerGroup

WORST = 25


@dataclass(frozen=True)
class Evaluation:
    """What came out of measuring a network on all samples of a split."""

    num_samples: int
    metrics: dict[str, float]
    details: dict[str, Any]
    worst: list[tuple[int, float, Tensor]]
    """(position in the split, loss, output [K]) of the samples with the largest losses."""


def _ignore(_: Stage) -> None:
    """Nobody watches."""


class Evaluator:
    """Measures a network on one split, together with the other workers."""

    def __init__(
        self,
        samples: Samples,
        task: Task,
        world: WorkerGroup,
        *,
        slices: int,
        batch_size: int,
        is_bf16: bool = False,
        is_channels_last: bool = False,
    ) -> None:
        self.samples, self._task, self._batch_size = samples, task, batch_size
        self._bounds = [i * samples.order.num_samples // slices for i in range(slices + 1)]
        self._own = range(
            world.rank * slices // world.size, (world.rank + 1) * slices // world.size
        )
        self._precision = precision_context(world.device.split(":")[0], is_bf16=is_bf16)
        self._is_channels_last, self._device = is_channels_last, world.device
        self._num_outputs = task.num_outputs
        example = torch.zeros(1, task.num_outputs, device=world.device)
        self._tally_length = self._empty_tally(example).numel()
        self._worst_length = WORST * (2 + self._num_outputs)
        length = self._tally_length + slices * self._worst_length
        self._sum = build_sum(world, slices, length, dtype=torch.float64)

    @torch.no_grad()
    def __call__(
        self, network: torch.nn.Module, scale: Any, stay: Callable[[Stage], None] = _ignore
    ) -> Evaluation:
        """Measure `network` on inputs scaled by `scale`; leaves it in training mode.

        Args:
            network: what is measured.
            scale: prepares inputs.
            stay: is told again and again what goes on.
        """
        network.eval()
        rows = self._sum.rows
        for index in self._own:
            rows[index].zero_()
            self._measure(network, scale, index, rows[index], stay)
            self._sum.add_own(index)
        stay(Stage.SUMMING)
        total = self._sum().cpu()
        network.train()
        tally = total[: self._tally_length]
        return Evaluation(
            self.samples.order.num_samples,
            self._task.metrics(tally),
            self._task.details(tally),
            self._read_worst(total[self._tally_length :]),
        )

    def close(self) -> None:
        """Let go of shared memory and the reading thread."""
        self._sum.close()
        self.samples.close()

    def _empty_tally(self, outputs: Tensor) -> Tensor:
        _, y = self.samples.take(0, 0, 1)
        return self._task.tally(outputs, y.to(self._device))

    def _measure(
        self,
        network: torch.nn.Module,
        scale: Any,
        index: int,
        row: Tensor,
        stay: Callable[[Stage], None],
    ) -> None:
        """Fill the row of slice `index`: its tally, and its worst samples in its own place."""
        seed_generators(row.device, index)  # a network may draw when it is measured, too
        low, high = self._bounds[index], self._bounds[index + 1]
        tally = row[: self._tally_length]
        worst = torch.zeros(0, 2 + self._num_outputs, dtype=torch.float64, device=self._device)
        for start in range(low, high, self._batch_size):
            stay(Stage.EVALUATING)
            stop = min(start + self._batch_size, high)
            x, y = self.samples.take(0, start, stop)
            x, y = scale(x.to(self._device)), y.to(self._device)
            if self._is_channels_last:
                x = x.contiguous(memory_format=torch.channels_last)
            with self._precision():
                outputs = network(x).float()
            tally.add_(self._task.tally(outputs, y))
            losses = self._task.losses(outputs, y).double()
            # Positions count from 1 here, so that a place left empty can be told from the first.
            places = torch.arange(start + 1, stop + 1, device=self._device).double()
            found = torch.cat([places[:, None], losses[:, None], outputs.double()], 1)
            worst = _largest_losses(torch.cat([worst, found]))
        begin = self._tally_length + index * self._worst_length
        row[begin : begin + worst.numel()] = worst.reshape(-1)

    def _read_worst(self, numbers: Tensor) -> list[tuple[int, float, Tensor]]:
        table = numbers.view(-1, 2 + self._num_outputs)
        table = _largest_losses(table[table[:, 0] > 0])
        return [(int(line[0]) - 1, float(line[1]), line[2:]) for line in table]


def _largest_losses(table: Tensor) -> Tensor:
    """The lines with the largest losses, largest first; equal ones by position."""
    order = torch.argsort(table[:, 1], descending=True, stable=True)
    return table[order[:WORST]]
