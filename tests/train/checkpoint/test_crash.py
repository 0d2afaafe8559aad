"""The process ends at each operation of a commit in turn; nothing that was safe is lost."""

import multiprocessing
import os
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from pyarrow.fs import LocalFileSystem

from distnet.errors import CheckpointError
from distnet.spec.sections.job import Checkpoint
from distnet.train.checkpoint import durable
from distnet.train.checkpoint.checkpoint import State, read_newest, write_checkpoint
from distnet.train.checkpoint.local_store import LocalStore
from distnet.train.checkpoint.object_store import ObjectStore
from distnet.train.checkpoint.retention import Retention
from distnet.train.checkpoint.store import Store
from tests.train.checkpoint.checkpoints import is_same, state

CRASHED = 77


def local(folder: Path) -> Store:
    return LocalStore(folder)


def without_rename(folder: Path) -> Store:
    """The way of a store that cannot rename, on this machine's disk."""
    return ObjectStore(LocalFileSystem(), str(folder), shown=str(folder))


def commit(store: Store, step: int, *, attempt: int) -> None:
    write_checkpoint(store, state(step), attempt=attempt)
    Retention(store, Checkpoint(keep=2)).prune()


def commit_until(open_store: Callable[[Path], Store], folder: Path, step: int, count: int) -> None:
    """In a process of its own: commit, and end without a word before operation `count`."""
    passed = 0

    def crash(_: str) -> None:
        nonlocal passed
        if passed == count:
            os._exit(CRASHED)
        passed += 1

    durable.LISTENERS.append(crash)
    commit(open_store(folder), step, attempt=1)


def ended_by_crash(context: ForkServerContext, *args: object) -> bool:
    process = context.Process(target=commit_until, args=args)
    process.start()
    process.join()
    assert process.exitcode in (0, CRASHED)
    return process.exitcode == CRASHED


def newest(store: Store) -> State | None:
    if store.names():
        return read_newest(store)
    with pytest.raises(CheckpointError, match="no whole checkpoint is left here"):
        read_newest(store)
    return None


@pytest.mark.parametrize("open_store", [local, without_rename], ids=lambda f: f.__name__)
@pytest.mark.parametrize("before", [(), (1, 2)], ids=["first", "over others"])
def test_newest_checkpoint_is_one_of_two_wherever_a_commit_ends(
    before: tuple[int, ...], open_store: Callable[[Path], Store], tmp_path: Path
) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.train.checkpoint.test_crash"])
    found, count, is_crashing = [], 0, True
    while is_crashing:
        store = open_store(tmp_path / str(count))
        for step in before:
            commit(store, step, attempt=1)

        is_crashing = ended_by_crash(context, open_store, tmp_path / str(count), 3, count)

        left = newest(store)
        old = state(before[-1]) if before else None
        assert (old is None and left is None) or any(
            expected is not None and left is not None and is_same(left, expected)
            for expected in (old, state(3))
        ), f"after operation {count}"
        found.append(left.step if left else 0)
        commit(store, 4, attempt=2)
        assert is_same(read_newest(store), state(4))
        assert nothing_is_left(tmp_path / str(count))
        count += 1

    assert count > 15
    assert found == sorted(found), "what was safe stayed safe"
    assert found[0] == (before[-1] if before else 0)
    assert found[-1] == 3


def nothing_is_left(folder: Path) -> bool:
    """Only the two newest checkpoints, each with a manifest, and no half-written file."""
    names = sorted(path.name for path in folder.iterdir())
    whole = all((folder / name / "manifest.json").is_file() for name in names)
    return whole and len(names) <= 2 and names[-1] == "step-00000004"
