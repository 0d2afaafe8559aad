"""A GPU that fails, or hangs, in the middle of a run: who is blamed, and what is tried again."""

import time
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.errors import DeviceError
from distnet.run_folder.workers.heartbeat import Stage, read_heartbeats
from distnet.train import loop
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.processes import run_workers
from tests.train.step.test_nonfinite import records
from tests.train.test_bits import assignment

NETWORK = """
import torch
from torch import nn

class Failing(nn.Linear):
    '''Fails as torch does when the memory of a GPU is broken.'''

    calls = 0

    def __init__(self, input_shape, num_outputs):
        super().__init__(input_shape[0] * input_shape[1] * input_shape[2], num_outputs)

    def forward(self, x):
        Failing.calls += self.training
        if Failing.calls > 5:
            raise torch.AcceleratorError("CUDA error: uncorrectable ECC error encountered\\nTry")
        return super().forward(x.flatten(1))
"""
MLP = """
name: hangs
network: {kind: mlp, hidden: [4]}
data: {source: stripes}
train: {steps: 3, batch_size: 30, slices: 2}
"""
POLL_S = 0.01


def test_gpu_that_fails_is_a_lost_worker_and_not_tried_in_the_same_process(
    stripes: Path, tmp_path: Path
) -> None:
    (tmp_path / "failing.py").write_text(NETWORK)
    job = tmp_path / "job.yaml"
    job.write_text(
        f"name: ecc\nnetwork: {{kind: ./failing.py:Failing}}\ndata: {{source: {stripes}}}\n"
        "train: {steps: 20, batch_size: 30}\ncheckpoint: {every_steps: 2}\n"
    )

    with pytest.raises(DeviceError) as caught:
        distnet.run(job, inline=True, runs=tmp_path / "runs")

    assert "the GPU failed: CUDA error: uncorrectable ECC error encountered." in str(caught.value)
    assert "distnet run --inline --resume" in str(caught.value)
    run = tmp_path / "runs" / "ecc-1"
    [end] = records(run, "end")
    assert end["failure"] == "lost_worker"
    assert len(records(run, "attempt")) == 1


def stages(assigned: Any) -> list[Stage]:
    return [beat.stage for beat in read_heartbeats(assigned.folder.heartbeats)]


def wait_and_look(group: WorkerGroup, assigned: Any) -> list[list[Stage]]:
    """Train with a GPU that takes long on rank 1; there, note the stages of both workers."""
    seen: list[list[Stage]] = []

    def wait_for(_: str) -> None:
        if group.rank == 1:
            while stages(assigned)[0] is not Stage.SUMMING:  # it waits there for this worker
                time.sleep(POLL_S)
            seen.append(stages(assigned))

    loop.wait_for = wait_for
    work(assigned, group)
    return seen


def test_worker_whose_gpu_hangs_is_not_in_the_sum(stripes: Path, tmp_path: Path) -> None:
    """Else all workers are, and the wrong one is blamed."""
    _, seen = run_workers(wait_and_look, 2, tmp_path, assignment(MLP, stripes, tmp_path))

    assert seen == [[Stage.SUMMING, Stage.COMPUTING]] * 3
