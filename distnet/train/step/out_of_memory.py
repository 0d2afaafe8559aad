"""Slices that do not fit in memory: tried again at once, then agreed upon by all workers.

first       caches are let go of, and the same slice is computed again: nothing has changed
then        a flag rides in the row, so nobody moves and all know it after the same step
stop        all workers raise the same error
halve       all workers compute slices in twice as many pieces from then on, this step included
"""

import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from distnet.errors import OutOfMemoryError
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.worker_group import WorkerGroup, gather
from distnet.train.step.step_index import Place

MARKS = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
"""What allocators say whose errors have no type of their own: torch's on CPUs, cuBLAS, cuDNN."""
ASKED = re.compile(r"(?:tried|unable) to allocate ([\d.]+ \w+)", re.IGNORECASE)
ANOTHER = (
    "start a new run with train.accumulate: 2 (each slice in two pieces), more train.slices or a "
    "smaller train.batch_size"
)
HALVE = (
    "go on with this one in smaller pieces, which changes the last bits: distnet run --resume RUN "
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
        """What happened, for people."""
        asked = ASKED.search(self.reason)
        what = f"{asked[1]} were asked for" if asked else self.reason
        pieces = f" in {self.pieces} pieces" if self.pieces > 1 else ""
        return (
            f"slice {self.slice} ({self.num_samples} samples{pieces}) did not fit in the memory "
            f"of worker {self.worker}: {what}"
        )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory did not suffice."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(mark in str(error) for mark in MARKS)


def try_twice(compute: Callable[[], None]) -> str | None:
    """Call `compute`, and once more if memory did not suffice; returns why not, if it never did."""
    reason = _try(compute)
    if reason is None:
        return None
    gc.collect()
    torch.cuda.empty_cache()  # nothing, where no GPU is in use
    return _try(compute)


def agree_on_shortage(
    trainee: Trainee, world: WorkerGroup, shortages: list[Shortage], place: Place, own: range
) -> str:
    """Do what the job says, on all workers alike; returns what to tell of it.

    Args:
        trainee: what trains; its slices are halved.
        world: the workers; all of them have to call this.
        shortages: those of this worker.
        place: the step.
        own: the slices of this worker.

    Raises:
        OutOfMemoryError: the job says so, or halves would give another result.
    """
    is_halving = trainee.job.train.on_out_of_memory == "halve"
    refusal = _why_whole(trainee, place, own.start) if is_halving else None
    found = gather(world, (shortages, refusal))
    first = min((s for each, _ in found for s in each), key=lambda s: s.slice)
    what = f"{place.name}: {first.text}"
    if not is_halving:
        raise OutOfMemoryError(f"{what}; the weights were not changed. {ANOTHER}; or {HALVE}")
    refusals = [why for _, why in found if why]
    if first.pieces >= first.num_samples:
        refusals.append("each piece is a single sample already")
    if refusals:
        raise OutOfMemoryError(f"{what}; it cannot be halved: {refusals[0]}. {ANOTHER}")
    trainee.gradient.pieces *= 2
    return f"{what}; from this step on slices are computed in {trainee.gradient.pieces} pieces"


@contextmanager
def told_to_the_user() -> Iterator[None]:
    """Tell of memory that did not suffice anywhere else.

    Raises:
        OutOfMemoryError: it did not.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).strip().split("\n", 1)[0] or type(error).__name__
        raise OutOfMemoryError(
            f"memory did not suffice: {reason}. A smaller data.memory, evaluate.batch_size or "
            "network needs less; what needs how much: distnet check JOB"
        ) from error


def _why_whole(trainee: Trainee, place: Place, index: int) -> str | None:
    """Why slices of this network have to be computed whole, from two samples of one of them."""
    low = min(trainee.batches.slice(place.batch, index)[0], trainee.batches.num_samples - 2)
    device, reason = trainee.flat.vector.device, None

    def probe() -> None:
        nonlocal reason
        x, y = trainee.samples.take(place.epoch, low, low + 2)
        reason = trainee.gradient.why_whole(x.to(device), y.to(device))

    return "there is no memory for two samples" if try_twice(probe) else reason


def _try(compute: Callable[[], None]) -> str | None:
    """Only the words leave here: the error itself holds what the slice had in memory."""
    try:
        compute()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return str(error).strip().split("\n", 1)[0] or type(error).__name__
    return None
