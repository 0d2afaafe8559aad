"""A run that leaves out a fold has the same bits on 1, 2 and 3 workers, and after a resume."""

import json
from pathlib import Path

import pytest

from distnet.data.folds import rows_of
from tests.datasets import stripes
from tests.train.small_runs import SmallRun, planned, resume, run_all

__all__ = ["stripes"]

pytestmark = pytest.mark.check

JOB = """name: folded
network: {kind: mlp, hidden: [8]}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 96, slices: 6}
checkpoint: {every_steps: 5, keep: 10}
"""


def test_bits_do_not_depend_on_workers_or_a_resume(stripes: Path, tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    job = planned(path, f"data.source={stripes}", "data.fold=2/3")
    runs: dict[int, SmallRun] = {
        size: run_all(size, {"folded": job}, tmp_path)["folded"] for size in (1, 2, 3)
    }

    resumed = resume(job, runs[3], 5, tmp_path / "resumed")

    fold = rows_of(job.file.job, "fold", 1003)
    evaluation = json.loads((runs[1].folder / "evaluation.json").read_text())
    assert runs[1].bits == runs[2].bits == runs[3].bits == resumed.bits
    assert runs[1].losses() == runs[2].losses() == runs[3].losses()
    assert fold is not None
    assert (evaluation["split"], evaluation["num_samples"]) == ("fold", len(fold))
