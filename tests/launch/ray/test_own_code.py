"""Workers on Ray import the run's copy of the user's code."""

from pathlib import Path

import pytest
import yaml

import distnet
from distnet.errors import CodeWarning, TrainingError

pytestmark = [pytest.mark.ray, pytest.mark.check]

NET = """
from torch import nn
from layers import activation


class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        super().__init__(nn.Flatten(), nn.Linear(144, 8), activation(), nn.Linear(8, num_outputs))
"""
FAILING = """
from torch import distributed, nn


class activation(nn.ReLU):
    def forward(self, x):
        assert not distributed.is_initialized(), "not while training"
        return super().forward(x)
"""


def test_workers_use_the_copy_and_name_the_users_file(
    tmp_path: Path, stripes: Path, ray_address: str
) -> None:
    job = {"name": "own", "network": {"kind": "./mynet.py:Net"}, "data": {"source": str(stripes)}}
    job |= {"train": {"steps": 4, "slices": 2}, "resources": {"workers": 2}}
    path, runs = tmp_path / "job.yaml", tmp_path / "runs"
    path.write_text(yaml.safe_dump(job))
    (tmp_path / "mynet.py").write_text(NET)
    (tmp_path / "layers.py").write_text("from torch.nn import ReLU as activation\n")
    whole = distnet.run(path, inline=True, runs=runs, name="whole")
    distnet.run(path, inline=True, runs=runs, name="part", overrides=["train.steps=2"])
    (tmp_path / "layers.py").write_text(FAILING)

    with pytest.warns(CodeWarning, match=r"layers.py has changed beside the job file"):
        resumed = distnet.resume(runs / "part", address=ray_address, overrides=["train.steps=4"])

    assert resumed.result["weights_sha256"] == whole.result["weights_sha256"]
    with pytest.raises(TrainingError, match=r"not while training \(at layers.py:7, in forward\)"):
        distnet.run(path, address=ray_address, runs=runs)
