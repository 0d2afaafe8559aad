"""Exact evaluation: every sample once, the same numbers for any number of workers.

The samples are cut into S contiguous slices, as a batch is. The sums of all slices are added along
the tree. The worst samples of each slice have their own stretch of the same vector, zero in the
rows of other slices, and x + 0 is x.

Letters: m sums of the task, S slices.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from distnet.run_folder.heartbeat import Stage
from distnet.tasks.task import Measured, Networks, Summary, Task
from distnet.train.compute.generators import seed_generators
from distnet.train.compute.slice_gradient import PrepareBatch, precision_context
from distnet.train.device.device import wait_for
from distnet.train.exchange.reduce import Sum, build_sum
from distnet.train.exchange.tree import own_slices
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.feed import EvaluationFeed

WORST = 25
Stay = Callable[[Stage], None]


@dataclass(frozen=True)
class Evaluation:
    """The results of a network on all samples of a split."""

    num_samples: int
    summary: Summary
    worst: list[tuple[int, float]]
    """(index in the split, value) of the worst samples, the worst first."""

    @property
    def metrics(self) -> dict[str, float]:
        """`loss` and every declared metric."""
        return self.summary.metrics


class Evaluator:
    """Measures networks on one split, together with the other workers.

    Args:
        feed: the samples.
        task: what is measured.
        prepare: from samples as stored to the input of a network.
        group: the workers; all of them must measure at the same step.
        slices: S.
        batch_size: samples computed at once.
        is_bf16: whether the network's arithmetic is bf16 where that is safe.
    """

    def __init__(
        self,
        feed: EvaluationFeed,
        task: Task,
        prepare: PrepareBatch,
        group: WorkerGroup,
        *,
        slices: int,
        batch_size: int,
        is_bf16: bool = False,
    ) -> None:
        self.feed, self.prepare, self._task = feed, prepare, task
        self._batch_size, self._slices, self._group = batch_size, slices, group
        self._bounds = [i * feed.length // slices for i in range(slices + 1)]
        self._own = own_slices(group.rank, group.size, slices)
        self._precision = precision_context(group.device.split(":")[0], is_bf16=is_bf16)
        self._sum: Sum | None = None
        self._num_sums = 0

    @torch.no_grad()
    def __call__(self, networks: Networks, stay: Stay = lambda _: None) -> Evaluation:
        """Measure `networks`, which are left in evaluation mode.

        Args:
            networks: what is measured.
            stay: called repeatedly with the current stage.
        """
        for network in networks.values():
            network.eval()
        slices = {index: self._measure(networks, index, stay) for index in self._own}
        wait_for(self._group.device)
        stay(Stage.SUMMING)
        sums, worst = self._add_up(slices)
        summary = self._task.summarise(sums, self._collect(slices))
        return Evaluation(self.feed.length, summary, _read_worst(worst))

    def close(self) -> None:
        """Release the samples and the shared memory."""
        self.feed.close()
        if self._sum is not None:
            self._sum.close()

    def _measure(self, networks: Networks, index: int, stay: Stay) -> "_OfSlice":
        """Measure slice `index`, batch by batch."""
        device = torch.device(self._group.device)
        seed_generators(device, index)  # a network may draw when it is measured, too
        low, high = self._bounds[index], self._bounds[index + 1]
        found = _OfSlice(device)
        for start in range(low, high, self._batch_size):
            stay(Stage.EVALUATING)
            stop = min(start + self._batch_size, high)
            batch = self.prepare(self.feed.take(start, stop, networks))
            with self._precision():
                found.add(self._task.measure(networks, batch), start)
        return found

    def _add_up(self, slices: dict[int, "_OfSlice"]) -> tuple[Tensor, Tensor]:
        """[m] and [S * WORST * 2]: the sums of all slices, and the worst samples of each."""
        if self._sum is None:  # the number of sums of a task is known only after a measurement
            own = max(found.sums.numel() for found in slices.values())
            self._num_sums = max(gather(self._group, own))
            length = self._num_sums + self._slices * WORST * 2
            self._sum = build_sum(self._group, self._slices, length, dtype=torch.float64)
        for index, found in slices.items():
            row = self._sum.rows[index].zero_()
            row[: found.sums.numel()] = found.sums
            begin = self._num_sums + index * WORST * 2
            row[begin : begin + found.worst.numel()] = found.worst.reshape(-1)
            self._sum.add_own(index)
        total = self._sum().cpu()
        return total[: self._num_sums], total[self._num_sums :]

    def _collect(self, slices: dict[int, "_OfSlice"]) -> list[bytes]:
        """What all slices collected, in their order."""
        if not getattr(self._task, "collects", False):
            return []
        mine = {index: b"".join(found.collected) for index, found in slices.items()}
        every = {k: v for of_worker in gather(self._group, mine) for k, v in of_worker.items()}
        return [every[index] for index in sorted(every)]


class _OfSlice:
    """The results of the batches of one slice."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(0, dtype=torch.float64, device=device)
        self.worst = torch.zeros(0, 2, dtype=torch.float64, device=device)
        self.collected: list[bytes] = []

    def add(self, measured: Measured, first: int) -> None:
        """Add a batch whose first sample has index `first`."""
        sums = measured.sums.double()
        self.sums = sums.clone() if not self.sums.numel() else self.sums.add_(sums)
        # Indices count from 1 here, so that an empty line differs from the first sample.
        indices = torch.arange(len(measured.values), device=sums.device).double() + first + 1
        found = torch.stack([indices, measured.values.double()], 1)
        self.worst = _largest(torch.cat([self.worst, found]))
        if measured.collected:
            self.collected.append(measured.collected)


def _read_worst(numbers: Tensor) -> list[tuple[int, float]]:
    table = numbers.view(-1, 2)
    table = _largest(table[table[:, 0] > 0])
    return [(int(index) - 1, value) for index, value in table.tolist()]


def _largest(table: Tensor) -> Tensor:
    """The lines with the largest values, largest first; equal ones by index."""
    order = torch.argsort(table[:, 1], descending=True, stable=True)
    return table[order[:WORST]]
