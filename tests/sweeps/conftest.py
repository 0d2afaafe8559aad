from pathlib import Path

import pytest

from tests.datasets import stripes

__all__ = ["stripes"]

JOB = """name: stripes
network: {kind: mlp, hidden: [8]}
data: {source: DATASET}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 64, slices: 2}
"""


@pytest.fixture
def job(tmp_path: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATASET", str(stripes)))
    return path
