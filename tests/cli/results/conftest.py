from pathlib import Path

import pytest

from distnet.launch.run import run
from tests.run_folder.run_folders import STARTED, digits_run, failed_run

JOB = """
name: digits
network: {kind: mlp, hidden: [32]}
optimizer: {kind: adam}
train: {steps: 300, batch_size: 64}
"""


@pytest.fixture(scope="session")
def trained_runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with `digits-1`, which has learned digits."""
    folder = tmp_path_factory.mktemp("runs")
    (folder / "digits.yaml").write_text(JOB)
    run(folder / "digits.yaml", inline=True, runs=folder)
    return folder


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    digits_run(folder / "digits-1", started=STARTED + 10)
    digits_run(folder / "digits-2", seed=1, rate=0.5, started=STARTED + 20)
    failed_run(folder / "broken-net")
    return folder
