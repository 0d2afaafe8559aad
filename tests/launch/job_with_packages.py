"""A job whose network imports a package that is not installed, from a wheel beside it."""

from pathlib import Path

import yaml

from tests.spec.packages.wheels import write_wheel

NET = """
import os

import dntiny
from torch import nn


class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        assert os.environ["DN_LEVEL"] == "3"
        hidden = dntiny.hidden()
        super().__init__(
            nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, num_outputs)
        )
"""


def write_job_with_packages(folder: Path, *, cache: str | None = None) -> Path:
    """Write the job, its network, its requirements and the wheel; returns the job file.

    Args:
        folder: where all of that goes.
        cache: the folder in which packages are installed; by default forwarded by its name.
    """
    write_wheel(folder / "wheels", "dntiny", "1.0", "def hidden():\n    return 8\n")
    (folder / "requirements.txt").write_text("--no-index\n--find-links wheels\ndntiny>=1\n")
    (folder / "mynet.py").write_text(NET)
    job = {"name": "net", "network": {"kind": "./mynet.py:Net"}, "packages": "requirements.txt"}
    job |= {"env": {"DN_LEVEL": "3", "XDG_CACHE_HOME": cache}}
    job |= {"train": {"steps": 20, "slices": 2}, "resources": {"workers": 2}}
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(job))
    return path
