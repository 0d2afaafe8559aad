"""Checkpoints: whole or absent, verified, the one before as a fall-back."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from distnet.errors import CheckpointError, RunError
from distnet.train.checkpoint import State, list_checkpoints, read_newest, write_checkpoint


def state(step: int) -> State:
    weights = {"layer.weight": torch.full((3, 4), float(step)), "layer.count": torch.tensor(step)}
    return State(step, weights, {"mean": torch.arange(5.0)}, {"job_sha256": "x"})


def flip_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    path.write_bytes(b"")


FILES = ("weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json")


def test_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, state(7), keep=2)

    found = read_newest(tmp_path)

    assert found.step == 7
    assert found.facts == {"job_sha256": "x"}
    assert torch.equal(found.weights["layer.weight"], state(7).weights["layer.weight"])
    assert torch.equal(found.weights["layer.count"], torch.tensor(7))
    assert torch.equal(found.optimizer["mean"], torch.arange(5.0))


def test_checkpoint_keeps_the_newest_and_leaves_nothing_else(tmp_path: Path) -> None:
    for step in (1, 2, 30, 100):
        write_checkpoint(tmp_path, state(step), keep=2)

    assert [path.name for path in list_checkpoints(tmp_path)] == ["step-00000030", "step-00000100"]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", [flip_bit, truncate, empty, os.unlink])
def test_checkpoint_before_is_used_when_one_is_damaged(
    tmp_path: Path, damage: Callable[[Path], None], name: str
) -> None:
    write_checkpoint(tmp_path, state(1), keep=2)
    newest = write_checkpoint(tmp_path, state(2), keep=2)
    damage(newest / name)

    assert read_newest(tmp_path).step == 1
    aside = tmp_path / "damaged-step-00000002"
    assert newest.name in (aside / "reason.txt").read_text()


def test_checkpoint_is_refused_with_the_reason_when_none_is_whole(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, state(1), keep=2)
    flip_bit(path / "weights.safetensors")

    with pytest.raises(CheckpointError, match=r"no whole checkpoint.*weights\.safetensors.*sha256"):
        read_newest(tmp_path)


def test_checkpoint_whose_manifest_was_rewritten_is_refused(tmp_path: Path) -> None:
    path = write_checkpoint(tmp_path, state(1), keep=2)
    (path / "manifest.json").write_text(json.dumps({"files": {}}))

    with pytest.raises(CheckpointError, match="does not list"):
        read_newest(tmp_path)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_checkpoint_on_a_full_disk_leaves_the_old_one(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", tmp_path], check=True)
    try:
        write_checkpoint(tmp_path, state(1), keep=2)
        large = State(2, {"w": torch.zeros(500_000)}, {})

        with pytest.raises(RunError, match="No space left"):
            write_checkpoint(tmp_path, large, keep=2)

        assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]
        assert read_newest(tmp_path).step == 1
    finally:
        subprocess.run(["umount", tmp_path], check=True)
