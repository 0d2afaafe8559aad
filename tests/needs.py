"""What some tests need of the machine; without it they are skipped, and the summary says so."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest


@dataclass(frozen=True)
class Need:
    """Something that not every machine has."""

    name: str
    how: str
    """How to get it."""

    def __str__(self) -> str:
        return f"needs {self.name} ({self.how})"

    def skip(self) -> NoReturn:
        """Skip the test that runs."""
        pytest.skip(str(self))


CHROMIUM = Need("Chromium", "on Debian: apt-get install chromium")
POSTGRESQL = Need("PostgreSQL", "on Debian: apt-get install postgresql")
NAMESPACES = Need("network namespaces", "root on Linux, with iproute2")
CADDY = Need("Caddy", "on Debian: apt-get install caddy")
SSHD = Need("an ssh server", "on Debian: apt-get install openssh-server")
MLFLOW = Need("MLflow's server", "make .mlflow/bin/mlflow")
GPU = Need("a GPU", "of NVIDIA or AMD, and a torch that was built for it")
TWO_GPUS = Need("two GPUs", "of NVIDIA or AMD")
REAL_DATA = Need("real data", "in ../shared/data beside the repository")
REAL_DATA_FOLDER = Path(__file__).parents[2] / "shared" / "data"


def real_data(name: str) -> Path:
    """The path of real data; skips the test where it is missing, and fails it in CI."""
    path = REAL_DATA_FOLDER / name
    if not path.exists() and os.environ.get("CI") == "true":
        pytest.fail(f"{path} is missing, and CI skips no test on real data")
    if not path.exists():
        REAL_DATA.skip()
    return path
