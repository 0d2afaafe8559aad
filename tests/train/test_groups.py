"""A job with groups of parameters: what is frozen stays, and all of it is the same everywhere."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from distnet.cli.main import main
from distnet.train.checkpoint.checkpoint import read_checkpoint
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train
from tests.train.test_early_stopping import records

JOB = """
name: grouped
network: {kind: mlp, hidden: [8, 8]}
data: {source: stripes}
optimizer:
  kind: adamw
  learning_rate: 0.01
  weight_decay: 0.1
  groups:
    - {match: "hidden1.*", frozen_epochs: all}
    - {match: "hidden2.*", frozen_epochs: 1, rate: 0.5}
    - {match: "*.bias", rate: 2.0, weight_decay: 0.01}
train: {epochs: 2, batch_size: 100, slices: 4, seed: 3, clip: 0.01}
checkpoint: {every_steps: 5, keep: 100}
"""


def weights(run: Path, step: int) -> dict[str, Tensor]:
    return dict(read_checkpoint(run / "checkpoints", f"step-{step:08d}").weights)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> set[str]:
    return {name for name in one if torch.equal(one[name], other[name])}


def test_what_is_frozen_does_not_move_and_a_stopped_run_goes_on_the_same(
    stripes: Path, tmp_path: Path
) -> None:
    whole, run = tmp_path / "whole", tmp_path / "stopped"
    expected = train(WorkerGroup(), assignment(JOB, stripes, whole))
    state = read_checkpoint(whole / "checkpoints", "step-00000020")
    always = {name for name in state.weights if name.startswith("hidden1")}
    first = {name for name in state.weights if name.startswith("hidden2")}

    assert same(weights(whole, 5), weights(whole, 10)) == always | first
    assert same(weights(whole, 10), weights(whole, 15)) == always
    # What is frozen for good has no state; the other group's count is a part of it.
    assert state.optimizer["mean"].numel() == 8 * 8 + 8 + 8 * 4 + 4
    assert sorted(state.optimizer["frozen_updates"].tolist())[-1] == 10
    # Clipped is the gradient of what moves: as long as the norm of that alone.
    norms = [record["gradient_norm"] for record in records(whole, "step")]
    assert norms[9] < norms[10]

    train(WorkerGroup(), assignment(JOB, stripes, run), 7)
    (run / "stop").unlink()
    again = train(WorkerGroup(), assignment(JOB, stripes, run, is_resumed=True))
    assert bits([again], run) == bits([expected], whole)


@pytest.mark.check
def test_groups_give_the_same_bits_on_any_workers(stripes: Path, tmp_path: Path) -> None:
    runs: dict[int, Any] = {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        runs[size] = bits(run_workers(train, size, tmp_path, assignment(JOB, stripes, run)), run)

    assert runs[1] == runs[2] == runs[3]


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ("[{match: nothing}]", "found nothing, which matches no parameter; there are: hidden1.w"),
        ("[{match: '*', frozen_epochs: all}]", "found a network without a trainable parameter"),
        ("[{match: '*', rate: 0}]", "groups.0.rate: found 0, expected a number above 0.0"),
        ("[{match: '*', decay: 0}]", "groups.0.decay: found unknown key `decay`"),
    ],
)
def test_check_names_what_is_wrong(
    groups: str, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    job = Path(__file__).parents[2] / "jobs" / "digits.yaml"

    assert main(["check", str(job), "--set", f"optimizer.groups={groups}"]) == 2

    assert message in capfd.readouterr().err
