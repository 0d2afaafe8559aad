"""The real measurement in processes of its own: what it finds, and how it fails."""

from pathlib import Path

import pytest

from distnet.cluster.forecast.measuring import measure_pace
from distnet.errors import DistnetError
from distnet.spec.read import read_job

pytestmark = pytest.mark.check

JOB = """
name: measured
network: {kind: mlp, hidden: [16, 16]}
data: {source: mnist}
optimizer: {kind: sgd, momentum: 0.9}
train: {epochs: 1, batch_size: 64, slices: 4}
"""
NUM_PARAMETERS = 784 * 16 + 16 + 16 * 16 + 16 + 16 * 10 + 10
BROKEN = """
from torch import nn


class Broken(nn.Linear):
    def __init__(self, input_shape, num_outputs):
        super().__init__(3, num_outputs)
"""


def test_two_processes_measure_side_by_side(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    overrides = ["train.batch_size=128"]

    pace = measure_pace(read_job(path, overrides=overrides), overrides, busy=2, seconds=0.2)

    assert (pace.busy, pace.device, pace.slices, pace.batch_size) == (2, "cpu", 4, 128)
    assert pace.slice_samples == 32
    ((length, every),) = pace.row_lengths
    assert every == 1
    # Beside the gradient: loss, weight, the metrics and the flags.
    assert NUM_PARAMETERS < length < NUM_PARAMETERS + 100
    assert pace.state_bytes == 2 * 4 * NUM_PARAMETERS
    assert 0 < pace.slice_s < 1
    assert 0 <= 32 * pace.sample_s <= pace.slice_s
    assert pace.number_s > 0
    assert pace.evaluated_sample_s > 0
    assert (pace.eval_samples, pace.epochs) == (10_000, 1)


def test_a_mistake_in_own_code_is_an_error_of_the_user(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    (tmp_path / "net.py").write_text(BROKEN)
    path.write_text(JOB.replace("{kind: mlp, hidden: [16, 16]}", '{kind: "./net.py:Broken"}'))

    with pytest.raises(DistnetError, match="job.yaml:3 network: does not accept inputs"):
        measure_pace(read_job(path), [], busy=1, seconds=0.1)
