"""Checkpoints: whole or absent, verified, the one before as a fall-back."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from distnet.errors import CheckpointError, UnknownPartError
from distnet.spec.sections.job import Checkpoint
from distnet.train.checkpoint.checkpoint import (
    State,
    read_checkpoint,
    read_newest,
    write_checkpoint,
)
from distnet.train.checkpoint.local_store import LocalStore
from distnet.train.checkpoint.retention import Retention, find_best
from tests.train.checkpoint.checkpoints import DAMAGES, FILES, flip_bit, is_same, state, swap


def test_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, state(7))

    assert is_same(read_newest(tmp_path), state(7))


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(3),
        torch.zeros(0, 4),
        torch.randn(5, 3).t(),
        torch.randn(7).bfloat16(),
        torch.randn(7).half(),
        torch.randn(3, dtype=torch.float64),
        torch.tensor([True, False, True]),
        torch.arange(9, dtype=torch.uint8),
        torch.randn(2, dtype=torch.complex64),
    ],
    ids=lambda t: f"{t.dtype} {list(t.shape)}",
)
def test_checkpoint_is_read_by_safetensors_whatever_the_type(
    tensor: torch.Tensor, tmp_path: Path
) -> None:
    weights = {"a": torch.ones(3, dtype=torch.int8), "tensor": tensor, "z": torch.ones(2)}

    write_checkpoint(tmp_path, State(1, weights, {}))

    file = tmp_path / "step-00000001/weights.safetensors"
    found = load_file(file)
    assert found.keys() == weights.keys()
    assert all(torch.equal(found[k], weights[k]) for k in weights)
    assert found["tensor"].dtype == tensor.dtype
    with safe_open(file, "pt") as opened:
        assert torch.equal(opened.get_tensor("tensor"), tensor)


def test_checkpoint_larger_than_a_piece_comes_back(tmp_path: Path) -> None:
    large = State(1, {"w": torch.randn(3_000_001)}, {"m": torch.randn(3_000_001)})

    written = write_checkpoint(tmp_path, large)

    assert is_same(read_newest(tmp_path), large)
    assert written.num_bytes > 24_000_000


def test_checkpoint_of_an_unknown_type_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    odd = State(1, {"odd": torch.zeros(2, dtype=torch.complex128)}, {})

    with pytest.raises(UnknownPartError, match=r"odd is of torch\.complex128"):
        write_checkpoint(tmp_path, odd)

    assert list(tmp_path.iterdir()) == []


def test_newest_are_kept_and_nothing_else_is_left(tmp_path: Path) -> None:
    retention = Retention(LocalStore(tmp_path), Checkpoint(keep=2))
    for step in (1, 2, 30, 100):
        write_checkpoint(tmp_path, state(step))
        retention.prune()

    assert sorted(p.name for p in tmp_path.iterdir()) == ["step-00000030", "step-00000100"]


LOSSES = {1: 0.5, 2: 0.1, 3: float("nan"), 4: 0.4, 5: 0.1, 6: 0.9, 7: None}


@pytest.mark.parametrize(
    ("order", "kept", "best"), [("min", {2, 5, 7}, 5), ("max", {1, 6, 7}, 6)], ids=["min", "max"]
)
def test_best_are_kept_beside_the_newest(
    order: str, kept: set[int], best: int, tmp_path: Path
) -> None:
    spec = Checkpoint.model_validate(
        {"keep": 1, "keep_best": 2, "best_metric": "loss", "best_order": order}
    )
    retention = Retention(LocalStore(tmp_path), spec)
    for step, loss in LOSSES.items():
        metrics = {} if loss is None else {"metrics": {"loss": loss, "accuracy": 1.0}}
        write_checkpoint(tmp_path, State(step, {}, {}, metrics))
        retention.prune()

    assert {int(name[5:]) for name in LocalStore(tmp_path).names()} == kept
    assert find_best(LocalStore(tmp_path), spec) == f"step-{best:08d}"


def test_best_is_refused_where_nothing_was_measured(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, state(1))

    with pytest.raises(CheckpointError, match="none of 1 checkpoints was evaluated for loss"):
        find_best(LocalStore(tmp_path), Checkpoint().ranked(()))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda f: f.__name__)
def test_checkpoint_before_is_used_when_one_is_damaged(
    tmp_path: Path, damage: Callable[[Path, random.Random], None], name: str
) -> None:
    write_checkpoint(tmp_path, state(1))
    newest = write_checkpoint(tmp_path, state(2)).name
    damage(tmp_path / newest / name, random.Random(0))

    assert is_same(read_newest(tmp_path), state(1))
    aside = tmp_path / f"damaged-{newest}"
    assert name in (aside / "reason.txt").read_text()


def test_checkpoint_is_refused_with_the_reason_when_none_is_whole(tmp_path: Path) -> None:
    name = write_checkpoint(tmp_path, state(1)).name
    flip_bit(tmp_path / name / "weights.safetensors", random.Random(0))

    with pytest.raises(CheckpointError, match=r"no whole checkpoint.*weights\.safetensors.*sha256"):
        read_newest(tmp_path)


def test_checkpoint_whose_manifest_was_rewritten_is_refused(tmp_path: Path) -> None:
    name = write_checkpoint(tmp_path, state(1)).name
    (tmp_path / name / "manifest.json").write_text(json.dumps({"files": {}}))

    with pytest.raises(CheckpointError, match=r"manifest\.json: altered"):
        read_checkpoint(tmp_path, name)


def test_damaged_checkpoint_is_written_anew_at_the_same_step(tmp_path: Path) -> None:
    name = write_checkpoint(tmp_path, state(1)).name
    flip_bit(tmp_path / name / "weights.safetensors", random.Random(0))

    write_checkpoint(tmp_path, state(1))

    assert is_same(read_newest(tmp_path), state(1))
    assert (tmp_path / f"damaged-{name}").is_dir()


def test_no_damage_of_two_hundred_is_loaded_silently(tmp_path: Path) -> None:
    """Each is found: the one before is used, or everything refused with the reason."""
    chance = random.Random(20260801)
    outcomes = []
    for case in range(200):
        folder = tmp_path / str(case)
        for step in (1, 2, 3):
            write_checkpoint(folder, state(step, numbers=chance.randrange(1, 400)))
        intact = read_checkpoint(folder, "step-00000001")
        steps = chance.choice([(3,), (2, 3), (1, 2, 3)])
        damage_some(folder, steps, chance)
        try:
            outcomes.append(is_same(read_newest(folder), intact) or read_newest(folder).step == 2)
            reasons = [p.read_text() for p in folder.glob("damaged-*/reason.txt")]
            assert len(reasons) == len(steps), f"case {case}: {steps}"
        except CheckpointError as error:
            outcomes.append("no whole checkpoint is left: " in str(error) and steps == (1, 2, 3))

    assert outcomes == [True] * 200


def damage_some(folder: Path, steps: tuple[int, ...], chance: random.Random) -> None:
    if len(steps) == 2 and chance.random() < 0.3:
        one, other = (folder / f"step-{step:08d}" for step in steps)
        name = chance.choice(["", *FILES[:3]])
        swap(one / name, other / name)
        return
    for step in steps:
        damage = chance.choice(DAMAGES)
        damage(folder / f"step-{step:08d}" / chance.choice(FILES), chance)
