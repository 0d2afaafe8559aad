"""Checkpoints: written whole or not at all, verified when read, never unpickled.

    step-00000938/
        weights.safetensors      parameters and buffers by their names
        optimizer.safetensors    the optimizer's vectors
        state.json               step, sums, and the job and data it belongs to
        manifest.json            size and sha256 of each file; written last

`store.py` defines where they are stored and how. The position in the data is the step; nothing else
is needed to resume, on any number of workers.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from distnet.errors import CheckpointError
from distnet.train.checkpoint.durable import Piece
from distnet.train.checkpoint.local_store import LocalStore
from distnet.train.checkpoint.manifest import (
    Entries,
    put_file,
    read_files,
    read_manifest,
    sealed,
    store_errors,
)
from distnet.train.checkpoint.safetensors_file import tensor_pieces
from distnet.train.checkpoint.store import Store

FILES = ("weights.safetensors", "optimizer.safetensors", "state.json")


@dataclass(frozen=True)
class State:
    """Everything that training needs to continue."""

    step: int
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Sums of the epoch so far; metrics; sha256 of the job and the data that it belongs to."""


@dataclass(frozen=True)
class Written:
    """A checkpoint that is safe."""

    name: str
    num_bytes: int


def write_checkpoint(
    store: Store | Path,
    state: State,
    *,
    attempt: int = 1,
    allow: Callable[[], None] = lambda: None,
) -> Written:
    """Save `state`, and remove what older attempts left half-written.

    Args:
        store: a store, or a folder of checkpoints.
        state: what to save; its tensors are in CPU memory.
        attempt: the number of the attempt that writes.
        allow: called just before the checkpoint is committed; raises to prevent that.

    Raises:
        OSError: the store is full or does not respond; earlier checkpoints are untouched.
    """
    store, name = _opened(store), name_of(state.step)
    if name in store.names() and is_whole(store, name):  # the same step has the same content
        return Written(name, _num_bytes(read_manifest(store, name)["files"]))
    store.clean(attempt)
    draft = store.draft(name, attempt)
    try:
        files: Entries = {}
        for file, pieces in _contents(state).items():
            files |= put_file(draft, file, pieces)
        draft.commit(sealed(attempt, files), allow)
    except BaseException:
        draft.discard()
        raise
    return Written(name, _num_bytes(files))


def read_newest(store: Store | Path) -> State:
    """Read the newest checkpoint that is whole; damaged ones are set aside with the reason.

    Raises:
        CheckpointError: there is none.
        StorageError: the store does not respond.
    """
    store, reasons, seen = _opened(store), [], set[str]()
    while names := [name for name in list_names(store) if name not in seen]:
        seen.add(names[-1])
        try:
            return read_checkpoint(store, names[-1])
        except CheckpointError as error:
            reasons.append(str(error))
            _set_aside(store, names[-1], error)
    if reasons:
        raise CheckpointError("no whole checkpoint is left: " + "; ".join(reasons))
    raise CheckpointError(
        f"{store.address()}: no whole checkpoint is left here (damaged ones are kept as damaged-*, "
        "with the reason); start a new run"
    )


def read_checkpoint(store: Store | Path, name: str) -> State:
    """Read and verify one checkpoint: what was verified is what is used.

    Raises:
        CheckpointError: a file is missing, of another size, or altered.
        StorageError: the store does not respond.
    """
    store, loaded = _opened(store), []
    try:
        for file, data in read_files(store, name, FILES):  # one after the other: less memory
            loaded.append(load(data) if file.endswith(".safetensors") else json.loads(data))
    except SafetensorError as error:
        raise CheckpointError(f"{store.address(name)}: cannot be read: {error}") from None
    weights, optimizer, facts = loaded
    step = facts.pop("step")
    if step != step_of(name):
        raise CheckpointError(f"{store.address(name)}: holds step {step}; it was renamed")
    return State(step, weights, optimizer, facts)


def read_facts(store: Store, name: str) -> dict[str, Any]:
    """Read and verify the facts of one checkpoint alone: its step, metrics and the rest.

    Raises:
        CheckpointError: they are missing or altered.
        StorageError: the store does not respond.
    """
    [(_, text)] = read_files(store, name, ["state.json"])
    facts: dict[str, Any] = json.loads(text)
    return facts


def read_attempt(store: Store, name: str) -> int:
    """The number of the attempt that wrote a checkpoint.

    Raises:
        CheckpointError: its manifest is missing or altered.
        StorageError: the store does not respond.
    """
    return int(read_manifest(store, name)["attempt"])


def is_whole(store: Store, name: str) -> bool:
    """Whether a checkpoint is unchanged since it was written; a damaged one is set aside.

    Raises:
        StorageError: the store does not respond.
    """
    try:
        for _ in read_files(store, name, FILES):
            continue
    except CheckpointError as error:
        _set_aside(store, name, error)
        return False
    return True


def list_names(store: Store) -> list[str]:
    """The names of the checkpoints in a store, oldest first, not verified.

    Raises:
        StorageError: the store does not respond.
    """
    with store_errors(store):
        return store.names()


def any_damaged(store: Store) -> bool:
    """Whether a damaged checkpoint was set aside there.

    Raises:
        StorageError: the store does not respond.
    """
    with store_errors(store):
        return store.has_damaged()


def name_of(step: int) -> str:
    """The name of the checkpoint of a step."""
    return f"step-{step:08d}"


def step_of(name: str) -> int:
    """The step of a checkpoint, from its name."""
    return int(name.removeprefix("step-"))


def _opened(store: Store | Path) -> Store:
    return LocalStore(store) if isinstance(store, Path) else store


def _contents(state: State) -> dict[str, Iterable[Piece]]:
    facts = json.dumps({"step": state.step, **state.facts}, indent=2).encode()
    parts = tensor_pieces(state.weights), tensor_pieces(state.optimizer), [facts]
    return dict(zip(FILES, parts, strict=True))


def _set_aside(store: Store, name: str, error: CheckpointError) -> None:
    with store_errors(store):
        store.set_aside(name, str(error))


def _num_bytes(files: Entries) -> int:
    return sum(int(entry["num_bytes"]) for entry in files.values())
