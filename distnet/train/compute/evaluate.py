"""Exact evaluation: every sample once, the same numbers for any number of workers.

The samples are cut into S contiguous slices, as a batch is. The sums of all slices are added along
the tree. The worst samples of each slice, and what cannot be summed, are gathered in the order of
the slices.

Letters: m sums of the task, S slices.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import torch
from torch import Tensor

from distnet.data.batch import Batch
from distnet.errors import PartError
from distnet.run_folder.workers.heartbeat import Stage
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

    def note(self, split: str) -> str | None:
        """Say what is not finite, and because of which samples of a split; None if nothing is."""
        wrong = [f"{name} {value}" for name, value in self.metrics.items() if not isfinite(value)]
        bad = [str(index) for index, value in self.worst if not isfinite(value)]
        if not wrong and not bad:
            return None
        more = " and perhaps more" if len(bad) == WORST else ""
        found = [", ".join(wrong)] if wrong else []
        named = "sample" if len(bad) == 1 else "samples"
        found += [f"the loss of {named} {', '.join(bad)}{more}"] if bad else []
        return f"the evaluation on {split} is not finite: {'; '.join(found)}"


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
        self.num_sums = 0
        """m; known after the first evaluation."""
        self.num_collected = 0
        """Bytes that the last evaluation collected, of all slices."""

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
        sums = self._add_up(slices)
        worst, collected = self._gather(slices)
        summary = self._task.summarise(sums, collected)
        return Evaluation(self.feed.length, summary, worst)

    def take(self, start: int, stop: int, networks: Networks) -> Batch:
        """The samples as stored, with their numbers where the task takes them."""
        batch = self.feed.take(start, stop, networks)
        if not getattr(self._task, "numbered", False):
            return batch
        return batch.with_(index=torch.arange(start, stop, device=self._group.device))

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
            batch = self.prepare(self.take(start, stop, networks))
            with self._precision():
                found.add(self._task.measure(networks, batch), start)
        return found

    def _add_up(self, slices: dict[int, "_OfSlice"]) -> Tensor:
        """[m]: the sums of all slices."""
        if self._sum is None:  # the number of sums of a task is known only after a measurement
            own = max(found.sums.numel() for found in slices.values())
            self.num_sums = max(gather(self._group, own))
            self._sum = build_sum(self._group, self._slices, self.num_sums, dtype=torch.float64)
        for index, found in slices.items():
            row = self._sum.rows[index].zero_()
            row[: found.sums.numel()] = found.sums
            self._sum.add_own(index)
        return self._sum().cpu()

    def _gather(self, slices: dict[int, "_OfSlice"]) -> tuple[list[tuple[int, float]], list[bytes]]:
        """The worst samples of all slices, the worst first, and what they have collected."""
        mine = {index: found.gathered() for index, found in slices.items()}
        every = {k: v for of_worker in gather(self._group, mine) for k, v in of_worker.items()}
        in_order = [every[index] for index in sorted(every)]
        worst = _largest(torch.cat([worst for worst, _ in in_order]))
        self.num_collected = sum(len(collected) for _, collected in in_order)
        collects = getattr(self._task, "collects", False)
        return (
            [(int(index), value) for index, value in worst.tolist()],
            [collected for _, collected in in_order] if collects else [],
        )


class _OfSlice:
    """The results of the batches of one slice."""

    def __init__(self, device: torch.device) -> None:
        self.sums = torch.zeros(0, dtype=torch.float64, device=device)
        self.worst = torch.zeros(0, 2, dtype=torch.float64, device=device)
        self.collected: list[bytes] = []

    def add(self, measured: Measured, first: int) -> None:
        """Add a batch whose first sample has index `first`."""
        sums = measured.sums.double()
        if self.sums.numel() and self.sums.shape != sums.shape:
            raise PartError(
                f"the task's sums are {len(self.sums)} numbers of one batch and {sums.numel()} of "
                "another, expected as many of every batch: add up over the samples"
            )
        self.sums = sums.clone() if not self.sums.numel() else self.sums.add_(sums)
        indices = torch.arange(len(measured.values), device=sums.device).double() + first
        found = torch.stack([indices, measured.values.double()], 1)
        self.worst = _largest(torch.cat([self.worst, found]))
        if measured.collected:
            self.collected.append(measured.collected)

    def gathered(self) -> tuple[Tensor, bytes]:
        """[25, 2] at most: index and value of its worst samples; and all that it has collected."""
        return self.worst.cpu(), b"".join(self.collected)


def _largest(table: Tensor) -> Tensor:
    """The lines with the largest values, largest first; equal ones by index."""
    order = torch.argsort(table[:, 1], descending=True, stable=True)
    return table[order[:WORST]]
