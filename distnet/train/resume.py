"""Where an attempt begins: at the newest checkpoint, or at step 0."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch.distributed as dist
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from distnet.errors import CheckpointError, TrainingError
from distnet.run_folder.assignment import Assignment
from distnet.spec.plural import counted
from distnet.train.checkpoint.checkpoint import State, any_damaged, list_names, read_newest, step_of
from distnet.train.checkpoint.extra_state import restore_extra
from distnet.train.checkpoint.feed_state import feed_states
from distnet.train.checkpoint.home import Home, OnPiece, no_piece
from distnet.train.checkpoint.identity import identity
from distnet.train.checkpoint.position import Position, set_updates
from distnet.train.checkpoint.saver import CHECKPOINT
from distnet.train.checkpoint.store import Store
from distnet.train.compute.trainee import Trainee
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.inventory.flat import state_sha256
from distnet.train.own.callback_state import callback_states


@dataclass(frozen=True)
class Start:
    """Where an attempt begins, and notes on it for the user."""

    position: Position = Position()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Those of the checkpoint."""
    callbacks: Mapping[str, bytes] = field(default_factory=dict)
    """What callbacks have kept in it, by their names."""


def begin(trainee: Trainee, assignment: Assignment) -> Start:
    """Begin at step 0, with the network's initial weights or those of another run.

    Raises:
        CheckpointError: the other run's are missing, damaged or of another network.
    """
    if not assignment.begins_with:
        return Start()
    path = assignment.folder.start
    try:
        take_weights(trainee, path.read_bytes())
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"{path}: the initial weights cannot be read: {error}; start a new run"
        ) from None
    return Start(notes=(f"begins with the weights of {assignment.begins_with}",))


def take_weights(trainee: Trainee, file: bytes) -> None:
    """Give the network the weights of a safetensors file; those that it lacks stay as drawn.

    Raises:
        SafetensorError: it is none.
        CheckpointError: they are of another network.
    """
    drawn = trainee.flat.weights() if trainee.job.start is not None else {}
    load_weights(trainee, {**drawn, **_with_ties(trainee, load(file))})


def _with_ties(trainee: Trainee, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same with what lies in the memory of these, which a file need not hold twice."""
    views = [view for view in trainee.flat.views if view.base in weights]
    return {**{view.name: view.of(weights[view.base]) for view in views}, **weights}


def restore(
    trainee: Trainee, assignment: Assignment, home: Home, on_piece: OnPiece = no_piece
) -> Start:
    """Load the newest whole checkpoint; a run that was never saved begins at step 0.

    Raises:
        CheckpointError: none is whole, all are missing, or they are of another job or dataset.
        StorageError: the store does not respond.
    """
    store = home.open_store(on_piece)
    names = list_names(store)
    if not names and not _was_saved(store, assignment):
        return begin(trainee, assignment)
    state = read_newest(store)
    for key, value in identity(trainee.job, assignment.dataset_folder).items():
        if state.facts.get(key) != value:
            what = "job file" if key == "job_sha256" else "dataset"
            raise CheckpointError(
                f"{store.address()}: the checkpoint of step {state.step} was written with another "
                f"{what}; resume with the {what} that the run started with, or start a new run"
            )
    position = Position.of(state)
    load_state(trainee, state)
    set_updates(trainee, position)
    damaged = [name for name in names if step_of(name) > state.step]
    notes = [f"{name} is damaged and was set aside" for name in damaged]
    notes += _changed_length(trainee, position)
    return Start(position, tuple(notes), state.facts, callback_states(state.optimizer))


def load_state(trainee: Trainee, state: State) -> None:
    """Give the network, its shadows, the optimizers and the feed the values of a checkpoint.

    Raises:
        CheckpointError: it is of another network.
    """
    trainee.flat.load(state.weights)
    trainee.gradient.restart()
    trainee.load(state.optimizer)
    for index, of_slice in feed_states(state.optimizer).items():
        trainee.feed.restore(index, of_slice)
    restore_extra(trainee.flat.network, state.optimizer)


def load_weights(trainee: Trainee, weights: Mapping[str, Tensor]) -> None:
    """Give the network alone the weights and buffers of a checkpoint.

    Raises:
        CheckpointError: they are of another network.
    """
    trainee.flat.load(weights)
    trainee.gradient.restart()
    for shadow in trainee.shadows:
        shadow.restart()


def require_same_start(trainee: Trainee, start: Start, group: WorkerGroup) -> None:
    """Make sure that all workers start alike, since nothing is ever broadcast.

    Raises:
        TrainingError: their weights or steps differ.
    """
    if group.size == 1:
        return
    starts: list[object] = [None] * group.size
    dist.all_gather_object(starts, (start.position.step, state_sha256(trainee.flat)))
    if any(each != starts[0] for each in starts):
        raise TrainingError(
            "the workers start with different weights or buffers: a network must draw its initial "
            "values from the global generators of torch, random or numpy.random, and all workers "
            "must read the same checkpoints"
        )


def _changed_length(trainee: Trainee, position: Position) -> Iterator[str]:
    """Say how learning rates jump where the run is longer or shorter than planned, or is over.

    A schedule stretches over all steps of a run, so another number of them changes every rate.
    """
    old, new, step = position.num_steps, trainee.num_steps, position.step
    if step > new:
        made = f"the run has made {counted(step, 'step')}"
        yield f"{made}, and the job now has {new:,}: nothing was trained"
    if old is None or old == new or step >= new:
        return
    for player in trainee.flat.players:
        settings = trainee.job.player(player)
        factor = trainee.factors[player]
        last, planned = (factor(s, old) for s in (step - 1, step))
        following = factor(step, new)
        if math.isclose(following, planned if step < old else last):
            continue
        rate = settings.optimizer.learning_rate
        of_player = f" of player {player}" if len(trainee.flat.players) > 1 else ""
        yield (
            f"the run now has {counted(new, 'step')} instead of {old:,}, and its "
            f"{settings.schedule.kind} schedule is computed for these: the learning "
            f"rate{of_player} jumps from "
            f"{rate * last:.3g} at step {step:,} to {rate * following:.3g} at step {step + 1:,}. "
            "For a rate without a jump start a new run with the final number of steps"
        )


def _was_saved(store: Store, assignment: Assignment) -> bool:
    """Whether damaged checkpoints, or the records, show that there have been some."""
    if any_damaged(store):
        return True
    metrics = assignment.folder.metrics
    return metrics.is_file() and CHECKPOINT in metrics.read_text("utf-8", "replace")
