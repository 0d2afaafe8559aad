"""Which checkpoint of a run is read."""

from distnet.errors import CheckpointError
from distnet.spec.sections.job import Checkpoint
from distnet.train.checkpoint.checkpoint import (
    State,
    list_names,
    name_of,
    read_checkpoint,
    read_newest,
    step_of,
)
from distnet.train.checkpoint.retention import find_best, ranked_names
from distnet.train.checkpoint.store import Store

NEWEST, BEST = "newest", "best"


def read_named(store: Store, spec: Checkpoint, checkpoint: str | int | None) -> State:
    """Read one of the checkpoints of a run.

    Args:
        store: of the run.
        spec: says which is the best.
        checkpoint: `newest`, `best`, or a step; by default the best one if the job keeps it
            (`keep_best`) and one was evaluated, else the newest.

    Raises:
        CheckpointError: there is none of that name.
        StorageError: the store does not answer.
    """
    if checkpoint is None:
        checkpoint = BEST if spec.keep_best and ranked_names(store, spec) else NEWEST
    if checkpoint == NEWEST:
        return read_newest(store)
    if checkpoint == BEST:
        return read_checkpoint(store, find_best(store, spec))
    if not str(checkpoint).isdecimal():
        raise CheckpointError(
            f"--checkpoint {checkpoint}: expected newest, best, or a step such as 900"
        )
    names, step = list_names(store), int(checkpoint)
    if name_of(step) not in names:
        raise CheckpointError(
            f"{store.address()}: no checkpoint of step {step}; there are: "
            f"{', '.join(str(step_of(name)) for name in names) or 'none'}"
        )
    return read_checkpoint(store, name_of(step))
