"""Checkpoints through the relay are those of a folder."""

from pathlib import Path

import pytest
import torch

from distnet.errors import CheckpointError, StaleAttemptError
from distnet.launch.ray.relay import remote_store
from distnet.launch.ray.relay.remote_store import RemoteStore, joined
from distnet.run_folder.fence import claim_fence
from distnet.train.checkpoint.checkpoint import State, read_newest, write_checkpoint
from distnet.train.checkpoint.local_store import LocalStore
from tests.launch.ray.relay.relays import DirectCall, new_run

pytestmark = pytest.mark.usefixtures("small_pieces")


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_store, "PIECE_BYTES", 64)


@pytest.fixture
def folders(tmp_path: Path):
    return new_run(tmp_path / "digits-1")


@pytest.fixture
def store(folders) -> RemoteStore:
    return RemoteStore(DirectCall(folders), None, "")


def state(step: int) -> State:
    weights = {"layer.weight": torch.arange(100.0) + step, "layer.bias": torch.ones(3)}
    return State(step, weights, {"momentum": torch.zeros(103)}, {"seed": 7})


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*[a-z]")}


def test_a_checkpoint_is_the_same_as_in_a_folder(folders, store, tmp_path) -> None:
    written = write_checkpoint(store, state(5), attempt=2)
    write_checkpoint(tmp_path / "local", state(5), attempt=2)

    assert store.address(written.name) == "checkpoints/step-00000005"
    assert files(folders.run_folder.checkpoints) == files(tmp_path / "local")
    read = read_newest(store)
    assert (read.step, read.facts) == (5, {"seed": 7})
    assert torch.equal(read.weights["layer.weight"], torch.arange(100.0) + 5)


def test_each_piece_that_is_read_is_reported(folders) -> None:
    """A worker that reads for long does not hang."""
    pieces: list[int] = []
    store = RemoteStore(DirectCall(folders), None, "", lambda: pieces.append(1))
    written = write_checkpoint(store, state(5), attempt=2)

    read_newest(store)

    total = sum(map(len, files(folders.run_folder.checkpoints / written.name).values()))
    assert len(pieces) >= total // 64


def test_a_stale_attempt_commits_nothing(folders, store) -> None:
    write_checkpoint(store, state(5), attempt=2)
    claim_fence(folders.run_folder, 1)

    with pytest.raises(StaleAttemptError):
        write_checkpoint(store, state(6), attempt=2)

    assert LocalStore(folders.run_folder.checkpoints).names() == ["step-00000005"]
    assert list(folders.run_folder.checkpoints.glob(".partial-*")) == []


def test_what_was_written_before_is_shipped_before_the_commit(folders, store) -> None:
    seen = []

    def allow() -> None:
        seen.append(store.names())

    write_checkpoint(store, state(5), attempt=2, allow=allow)

    assert seen == [[]]
    assert store.names() == ["step-00000005"]


def test_a_damaged_checkpoint_is_set_aside_and_the_one_before_is_used(folders, store) -> None:
    for step in (5, 6):
        write_checkpoint(store, state(step), attempt=2)
    (folders.run_folder.checkpoints / "step-00000006" / "weights.safetensors").write_bytes(b"")

    assert read_newest(store).step == 5
    assert store.has_damaged()


def test_without_a_whole_checkpoint_there_is_an_error(store) -> None:
    with pytest.raises(CheckpointError, match="no whole checkpoint"):
        read_newest(store)


def test_a_folder_of_its_own_may_hold_the_checkpoints(folders, tmp_path) -> None:
    store = RemoteStore(DirectCall(folders), "kept", str(tmp_path))

    write_checkpoint(store, state(5), attempt=2)

    assert LocalStore(tmp_path / "kept" / "digits-1").names() == ["step-00000005"]
    assert store.address() == str(tmp_path / "kept" / "digits-1")


def test_a_draft_that_was_given_up_leaves_nothing(folders, store) -> None:
    draft = store.draft("step-00000007", 2)
    draft.put("weights.safetensors", [b"half"])

    draft.discard()

    assert list(folders.run_folder.checkpoints.iterdir()) == []


def test_small_pieces_travel_together() -> None:
    assert list(joined([b"ab", b"cd", b"ef", b"ghijkl", b"m"], 4)) == [
        b"abcd",
        b"ef",
        b"ghijkl",
        b"m",
    ]
