"""When checkpoints are saved, and how training goes on from one."""

import hashlib
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch.distributed as dist

from distnet.data.manifest import read_manifest
from distnet.errors import CheckpointError, TrainingError
from distnet.spec.job import Job
from distnet.train.assignment import Assignment
from distnet.train.build import Trainee
from distnet.train.checkpoint import State, list_checkpoints, read_newest, write_checkpoint
from distnet.train.flat import weights_sha256
from distnet.train.loop import Position
from distnet.train.record import Tell
from distnet.train.world import World

NOT_DECISIVE: dict[str, Any] = {
    **dict.fromkeys(("name", "resources", "checkpoint", "evaluate", "retry"), True),
    "train": {"epochs", "steps", "on_nonfinite", "on_out_of_memory"},  # may change on the way
}


@dataclass(frozen=True)
class Start:
    """Where an attempt begins, and what its user should know of that."""

    position: Position = Position()
    notes: tuple[str, ...] = ()


class Saver:
    """Decides when a checkpoint is due, and commits it."""

    def __init__(self, job: Job, assignment: Assignment, tell: Tell) -> None:
        self._spec, self._tell = job.checkpoint, tell
        self._folder = assignment.folder.checkpoints
        self._facts = identity(job, Path(assignment.dataset))
        self._saved_at, self._saved_step = time.monotonic(), -1

    def is_due(self, step: int) -> bool:
        """Whether enough steps or seconds have passed."""
        every = self._spec.every_steps
        if every is not None and step % every == 0:
            return True
        return time.monotonic() - self._saved_at > self._spec.every

    def save(self, state: State) -> None:
        """Commit a checkpoint, unless this step has one.

        Raises:
            RunError: it cannot be written.
        """
        if state.step == self._saved_step:
            return
        began = time.monotonic()
        state = replace(state, facts={**state.facts, **self._facts})
        path = write_checkpoint(self._folder, state, keep=self._spec.keep)
        self._saved_at, self._saved_step = time.monotonic(), state.step
        record = {"kind": "checkpoint", "step": state.step}
        record |= {"folder": f"{self._folder.name}/{path.name}"}
        self._tell(record | {"seconds": self._saved_at - began})


def identity(job: Job, dataset: Path) -> dict[str, str]:
    """What decides the weights: the job without its name, machines and checkpoints; the data."""
    decisive = job.model_dump(mode="json", exclude=NOT_DECISIVE)
    decisive["slices"] = job.num_slices
    text = json.dumps(decisive, sort_keys=True)
    return {
        "job_sha256": hashlib.sha256(text.encode()).hexdigest(),
        "data_sha256": read_manifest(dataset).sha256,
    }


def restore(trainee: Trainee, assignment: Assignment) -> Start:
    """Load the newest whole checkpoint; a run that was never saved begins at step 0.

    Raises:
        CheckpointError: none is whole, they are gone, or they are of another job or dataset.
    """
    folder = assignment.folder.checkpoints
    if not _was_saved(assignment):
        return Start()
    newest = list_checkpoints(folder)[-1:]
    state = read_newest(folder)
    for key, value in identity(trainee.job, Path(assignment.dataset)).items():
        if state.facts.get(key) != value:
            what = "job file" if key == "job_sha256" else "dataset"
            raise CheckpointError(
                f"{folder}: the checkpoint of step {state.step} was made with another {what}; "
                f"resume with the {what} that the run began with, or start a new run"
            )
    trainee.flat.load(state.weights)
    trainee.gradient.restart()
    for name, vector in trainee.optimizer.state.items():
        vector.copy_(state.optimizer[name])
    loss, score, samples = state.facts["epoch_sums"]
    notes = [f"{p.name} is damaged and was set aside" for p in newest if not p.exists()]
    return Start(Position(state.step, (loss, score, samples)), tuple(notes))


def require_same_start(trainee: Trainee, start: Start, world: World) -> None:
    """Nothing is ever broadcast, so all workers must begin alike.

    Raises:
        TrainingError: their weights or steps differ.
    """
    if world.size == 1:
        return
    starts: list[object] = [None] * world.size
    dist.all_gather_object(starts, (start.position.step, weights_sha256(trainee.flat.network)))
    if any(each != starts[0] for each in starts):
        raise TrainingError(
            "the workers begin with weights that differ: a network has to draw its first weights "
            "from torch's generator alone, and all workers have to see the same checkpoints"
        )


def _was_saved(assignment: Assignment) -> bool:
    """Whether there is a checkpoint, or the records tell of one."""
    folder, metrics = assignment.folder.checkpoints, assignment.folder.metrics
    if list_checkpoints(folder) or any(folder.glob("damaged-*")):
        return True
    return metrics.is_file() and '"kind": "checkpoint"' in metrics.read_text(errors="replace")
