"""Checkpoints: written whole or not at all, verified when read, never unpickled.

    checkpoints/step-00000938/
        weights.safetensors      parameters and buffers by their names
        optimizer.safetensors    the optimizer's vectors
        state.json               step, and what job and data it belongs to
        manifest.json            size and sha256 of each file; written last

A checkpoint is written under a temporary name, every file is fsynced, then the folder is renamed
and its parent fsynced. The position in the data is the step; nothing else is needed to resume, on
any number of workers. Source: Pillai et al. 2014, "All File Systems Are Not Created Equal".
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from distnet.errors import CheckpointError, RunError

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class State:
    """All that training needs to go on."""

    step: int
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor]
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Sums of the epoch so far; sha256 of the job and the data that it belongs to."""


def write_checkpoint(folder: Path, state: State, *, keep: int) -> Path:
    """Save `state` below `folder` and remove all but the newest `keep` checkpoints.

    Raises:
        RunError: the disk is full or the folder cannot be written; older ones are untouched.
    """
    target = folder / f"step-{state.step:08d}"
    partial = folder / f".partial-{target.name}"
    try:
        if target.exists() and _is_whole(target):  # the same step has the same content
            return target
        for left in folder.glob(".partial-*"):  # of a process that was killed while saving
            shutil.rmtree(left, ignore_errors=True)
        partial.mkdir(parents=True)
        _write_files(partial, state)
        partial.rename(target)
        _fsync(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise RunError(
            f"{target}: the checkpoint cannot be written: {reason}; the checkpoints before it are "
            "intact. Make room or mend the folder, then resume the run"
        ) from None
    for old in list_checkpoints(folder)[:-keep]:
        shutil.rmtree(old, ignore_errors=True)
    return target


def read_newest(folder: Path) -> State:
    """Read the newest checkpoint that is whole; damaged ones are set aside with the reason.

    Raises:
        CheckpointError: there is none.
    """
    reasons = []
    for path in reversed(list_checkpoints(folder)):
        try:
            return read_checkpoint(path)
        except CheckpointError as error:
            reasons.append(str(error))
            _set_aside(path, str(error))
    if reasons:
        raise CheckpointError("no whole checkpoint is left: " + "; ".join(reasons))
    raise CheckpointError(
        f"{folder}: no whole checkpoint is left here (damaged ones are kept as damaged-*, with the "
        "reason); start the job anew"
    )


def read_checkpoint(path: Path) -> State:
    """Read and verify one checkpoint.

    Raises:
        CheckpointError: a file is missing, of another size, or altered.
    """
    _verify(path)
    facts = json.loads((path / "state.json").read_bytes())
    try:
        weights = load_file(path / "weights.safetensors")
        optimizer = load_file(path / "optimizer.safetensors")
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from None
    return State(int(facts.pop("step")), weights, optimizer, facts)


def list_checkpoints(folder: Path) -> list[Path]:
    """The checkpoints below `folder`, oldest first, not verified."""
    found = [path for path in folder.glob("step-*") if path.name[5:].isdecimal()]
    return sorted(found, key=lambda path: int(path.name[5:]))


def _write_files(folder: Path, state: State) -> None:
    save_file(dict(state.weights), folder / "weights.safetensors")
    save_file(dict(state.optimizer), folder / "optimizer.safetensors")
    facts = json.dumps({"step": state.step, **state.facts}, indent=2)
    (folder / "state.json").write_text(facts)
    files = sorted(folder.iterdir())
    entries = {p.name: {"num_bytes": p.stat().st_size, "sha256": _sha256(p)} for p in files}
    (folder / MANIFEST).write_text(json.dumps({"files": entries}, indent=2))
    for path in [*files, folder / MANIFEST, folder]:
        _fsync(path)


def _verify(path: Path) -> None:
    try:
        files = json.loads((path / MANIFEST).read_bytes())["files"]
        missing = {"weights.safetensors", "optimizer.safetensors", "state.json"} - files.keys()
        if missing:
            raise CheckpointError(f"{path}: {MANIFEST} does not list {', '.join(sorted(missing))}")
        for name, entry in files.items():
            file = path / name
            if not file.is_file():
                raise CheckpointError(f"{file}: missing")
            if file.stat().st_size != entry["num_bytes"] or _sha256(file) != entry["sha256"]:
                raise CheckpointError(f"{file}: altered since it was written (size or sha256)")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path / MANIFEST}: missing or damaged ({error})") from None


def _is_whole(path: Path) -> bool:
    try:
        _verify(path)
    except CheckpointError as error:
        _set_aside(path, str(error))
        return False
    return True


def _set_aside(path: Path, reason: str) -> None:
    """Keep a damaged checkpoint under another name; of several workers the first one does."""
    taken = len(list(path.parent.glob(f"damaged-{path.name}*")))
    aside = path.with_name(f"damaged-{path.name}" + (f"-{taken + 1}" if taken else ""))
    try:
        path.rename(aside)
        (aside / "reason.txt").write_text(reason + "\n")
    except OSError:  # another worker was faster, or the folder is read-only
        return


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
