"""Slices that do not fit in memory: retried at once, then handled by all workers alike.

first       caches are freed, and the same slice is computed again: nothing has changed
then        a flag in the row: no worker updates, and all know it after the same step
stop        all workers raise the same error
halve       all workers compute slices in twice as many pieces from then on, this step included
"""

import gc
import re
from collections.abc import Callable
from dataclasses import dataclass

import torch

from distnet.data.batch import Batch
from distnet.errors import OutOfMemoryError
from distnet.spec.plural import counted
from distnet.train.compute.trainee import Trainee
from distnet.train.compute.turn import Turn
from distnet.train.device.faults import Fault, classify, reason
from distnet.train.exchange.worker_group import WorkerGroup, gather

Probe = tuple[Batch, Turn]
REQUESTED = re.compile(r"(?:tried|unable) to allocate ([\d.]+ \w+)", re.IGNORECASE)
ANOTHER = (
    "start a new run with train.accumulate: 2 (each slice in two pieces), more train.slices or a "
    "smaller train.batch_size"
)
HALVE = (
    "resume this one with smaller pieces, which changes the last bits: distnet run --resume RUN "
    "--set train.on_out_of_memory=halve"
)


@dataclass(frozen=True)
class Shortage:
    """A slice that did not fit in one worker's memory."""

    worker: int
    slice: int
    num_samples: int
    pieces: int
    reason: str

    @property
    def text(self) -> str:
        """What happened, for messages."""
        requested = REQUESTED.search(self.reason)
        what = f"it needs another {requested[1]}" if requested else self.reason
        pieces = f" in {self.pieces} pieces" if self.pieces > 1 else ""
        return (
            f"slice {self.slice} ({counted(self.num_samples, 'sample')}{pieces}) did not fit in "
            f"the memory of worker {self.worker}: {what}"
        )


def try_twice(compute: Callable[[], None]) -> str | None:
    """Call `compute`, and once more if it ran out of memory; returns the reason if it did twice."""
    reason = _try(compute)
    if reason is None:
        return None
    gc.collect()
    torch.accelerator.empty_cache()  # does nothing where no GPU is in use
    return _try(compute)


def agree_on_shortage(
    trainee: Trainee, group: WorkerGroup, shortages: list[Shortage], where: str, probe: Probe
) -> str:
    """Stop or halve, as the job says, on all workers alike; returns a note about it.

    Args:
        trainee: what trains; its slices are halved.
        group: the workers; all of them must call this.
        shortages: those of this worker.
        where: the step, for messages.
        probe: a batch of this worker, and the update it is for.

    Raises:
        OutOfMemoryError: the job stops, or halves would give another result.
    """
    is_halving = trainee.job.train.on_out_of_memory == "halve"
    refusal = _why_whole(trainee, *probe) if is_halving else None
    found = gather(group, (shortages, refusal))
    first = min((s for each, _ in found for s in each), key=lambda s: s.slice)
    what = f"{where}: {first.text}"
    if not is_halving:
        raise OutOfMemoryError(f"{what}; the weights were not changed. {ANOTHER}; or {HALVE}")
    refusals = [why for _, why in found if why]
    if first.pieces >= first.num_samples:
        refusals.append("each piece is a single sample already")
    if refusals:
        raise OutOfMemoryError(f"{what}; it cannot be halved: {refusals[0]}. {ANOTHER}")
    trainee.gradient.pieces *= 2
    return f"{what}; from this step on slices are computed in {trainee.gradient.pieces} pieces"


def _why_whole(trainee: Trainee, batch: Batch, turn: Turn) -> str | None:
    """Why slices of this network must be computed whole, from two samples of one of them."""
    reason = None
    two = batch.slice(0, 2) if len(batch) > 1 else batch.joined(batch)

    def probe() -> None:
        nonlocal reason
        reason = trainee.gradient.why_whole(two, turn.phase)

    return "two samples do not fit in memory" if try_twice(probe) else reason


def _try(compute: Callable[[], None]) -> str | None:
    """Return the message alone: the error itself references the memory of the slice."""
    try:
        compute()
    except (RuntimeError, MemoryError, OSError) as error:
        if classify(error) is not Fault.OUT_OF_MEMORY:
            raise
        return reason(error)
    return None
