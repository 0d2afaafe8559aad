"""A slice and its sum on tensors of a device that is not there: no CPU tensor is mixed in."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from distnet.data.batch import Batch
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, Split
from distnet.spec.read import read_job_text
from distnet.tasks.per_sample import PerSampleTask
from distnet.tasks.targets.classify import Classify
from distnet.tasks.targets.regress import Regress
from distnet.train.compute.trainee import build
from distnet.train.compute.turn import SliceId
from distnet.train.device.separable import SEPARABLE
from distnet.train.exchange.worker_group import WorkerGroup

DEVICE = "meta"
NETWORK = f"""
import torch
from torch import nn
from distnet.networks.images.cnn import CNN

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


class HostCopies(TorchDispatchMode):
    """Notes the operations that copy from the CPU to the device: a GPU waits for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        devices = [
            {each.device.type for each in tree_leaves(values) if isinstance(each, Tensor)}
            for values in ((args, kwargs), result)
        ]
        if "cpu" in devices[0] and DEVICE in devices[1]:
            self.found.append(str(func))
        return result


def compute(kind: str, data: Path, folder: Path) -> tuple[Tensor, list[str]]:
    """The total of two slices, and the copies from the host that the second one made."""
    (folder / "there.py").write_text(NETWORK)
    job = read_job_text(JOB.replace("KIND", kind)).job
    with (
        torch.autograd.set_multithreading_enabled(False),
        FakeTensorMode(allow_non_fake_inputs=True),
    ):
        trainee = build(job, data, folder, WorkerGroup(device=DEVICE), "fp32")
        [turn], [total] = trainee.turns_at(0), {*trainee.sums.values()}
        x = torch.empty(15, 1, 12, 12, dtype=torch.uint8, device=DEVICE)
        batch = Batch({"x": x, "y": torch.empty(15, dtype=torch.int64, device=DEVICE)})
        for index in range(2):
            with HostCopies() as copies:
                trainee.gradient.write(total.rows[index], SliceId(turn, 0, index), batch)
            total.add_own(index)
        return total(), copies.found


def test_slice_and_sum_stay_on_the_device(stripes: Path, tmp_path: Path) -> None:
    total, copies = compute("There", stripes, tmp_path)

    assert total.device.type == DEVICE
    assert copies == []


def manifest(y: ClassField | NumberField) -> Manifest:
    fields = {"x": VectorField(shape=(2,)), "y": y}
    splits = {"train": Split(num_samples=0, shards=())}
    return Manifest(name="toy", source="made in the test", fields=fields, splits=splits)


TASKS: dict[str, Callable[[], PerSampleTask]] = {
    "classify": lambda: Classify(
        manifest(ClassField(classes=("a", "b"), class_counts={"train": (3, 1)})),
        label_smoothing=0.1,
        balanced=True,
    ),
    "regress": lambda: Regress(manifest(NumberField(shape=(2,), mean=(1.0, 2.0), std=(3.0, 4.0)))),
}


@pytest.mark.parametrize("make", TASKS.values(), ids=TASKS.keys())
def test_tasks_copy_their_constants_once(make: Callable[[], PerSampleTask]) -> None:
    task = make()
    with FakeTensorMode(allow_non_fake_inputs=True):
        outputs = torch.empty(5, 2, device=DEVICE)
        of_class = torch.empty(5, dtype=torch.int64, device=DEVICE)
        targets = of_class if isinstance(task, Classify) else outputs
        task.losses(outputs, targets)
        with HostCopies() as copies:
            losses = task.losses(outputs, targets)
            task.scores(outputs, targets)

    assert losses.device.type == DEVICE
    assert copies.found == []


def test_deterministic_kernels_copy_their_matrices_once() -> None:
    backward = SEPARABLE["_adaptive_avg_pool2d_backward"]
    grad, x = torch.empty(2, 3, 4, 4, device=DEVICE), torch.empty(2, 3, 12, 10, device=DEVICE)

    backward(grad, x)
    with HostCopies() as copies:
        assert backward(grad, x).shape == x.shape
    assert copies.found == []


def test_tensor_of_another_device_is_found(stripes: Path, tmp_path: Path) -> None:
    """So that the test above proves something."""
    with pytest.raises(RuntimeError, match=r"device"):
        compute("Mixed", stripes, tmp_path)
