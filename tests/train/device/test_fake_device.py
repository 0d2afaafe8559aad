"""A slice and its sum on tensors of a device that is not there: no CPU tensor is mixed in."""

from pathlib import Path

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from distnet.data.batch import Batch
from distnet.spec.read import read_job_text
from distnet.train.compute.trainee import build
from distnet.train.compute.turn import SliceId
from distnet.train.exchange.worker_group import WorkerGroup

DEVICE = "meta"
NETWORK = f"""
import torch
from torch import nn
from distnet.networks.cnn import CNN

class There(CNN):
    '''Made where it computes: weights cannot be moved to tensors without memory.'''

    def __init__(self, input_shape, num_outputs):
        with torch.device("{DEVICE}"):
            super().__init__(
                input_shape, num_outputs, channels=(4,), hidden=8, batch_norm=True, dropout=0.3
            )

    def to(self, device):
        return self

class Mixed(There):
    '''Adds numbers that were forgotten on the CPU.'''

    def forward(self, x):
        return super().forward(x) + torch.ones(4)
"""
JOB = """
name: there
network: {kind: ./there.py:KIND}
data: {source: stripes, augment: [{kind: shift, pixels: 1}]}
train: {steps: 3, batch_size: 30, slices: 2}
"""


def compute(kind: str, data: Path, folder: Path) -> torch.Tensor:
    """The total of two slices."""
    (folder / "there.py").write_text(NETWORK)
    job = read_job_text(JOB.replace("KIND", kind)).job
    with (
        torch.autograd.set_multithreading_enabled(False),
        FakeTensorMode(allow_non_fake_inputs=True),
    ):
        trainee = build(job, data, folder, WorkerGroup(device=DEVICE), "fp32")
        [turn], [total] = trainee.turns_at(0), {*trainee.sums.values()}
        for index in range(2):
            x, y = torch.empty(15, 1, 12, 12, dtype=torch.uint8), torch.empty(15, dtype=torch.int64)
            trainee.gradient.write(
                total.rows[index], SliceId(turn, 0, index), Batch({"x": x, "y": y})
            )
            total.add_own(index)
        return total()


def test_slice_and_sum_stay_on_the_device(stripes: Path, tmp_path: Path) -> None:
    assert compute("There", stripes, tmp_path).device.type == DEVICE


def test_tensor_of_another_device_is_found(stripes: Path, tmp_path: Path) -> None:
    """So that the test above proves something."""
    with pytest.raises(RuntimeError, match=r"device"):
        compute("Mixed", stripes, tmp_path)
