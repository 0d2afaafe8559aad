"""The promise on the shipped jobs: inline, Ray with 1 to 4 workers, stopped and resumed, one hash.

The jobs are shortened to a part of an epoch (`train.steps`); nothing else of them is changed.
"""

import json
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.train.checkpoint.checkpoint import read_newest

pytestmark = [pytest.mark.ray, pytest.mark.check]
JOBS = Path(__file__).parents[2] / "jobs"


def trained(run: distnet.Run) -> tuple[str, dict[str, bytes], dict[str, float]]:
    """The hash, all that a checkpoint holds (running statistics too), and the metrics."""
    state = read_newest(run.folder.checkpoints)
    content = {name: tensor.numpy().tobytes() for name, tensor in state.weights.items()}
    content |= {f"optimizer {k}": v.numpy().tobytes() for k, v in state.optimizer.items()}
    return run.result["weights_sha256"], content, run.metrics


@pytest.mark.parametrize(
    ("name", "steps"),
    [("digits", 120), ("digits-cnn", 16)],
)
def test_shipped_job_gives_the_same_bits_on_any_workers(
    name: str, steps: int, tmp_path: Path, ray_address: str
) -> None:
    options: dict[str, Any] = {"overrides": [f"train.steps={steps}"], "runs": tmp_path}
    job = JOBS / f"{name}.yaml"
    expected = trained(distnet.run(job, inline=True, **options))

    for workers in (1, 2, 3, 4):
        run = distnet.run(job, workers=workers, address=ray_address, **options)
        assert run.result["workers"] == workers
        assert trained(run) == expected, f"{workers} workers"


@pytest.mark.parametrize(
    ("name", "steps", "stop_after"),
    [("digits", 1200, 40), ("digits-cnn", 60, 4)],
)
def test_shipped_job_stopped_in_an_epoch_resumes_to_the_same_bits_on_other_workers(
    name: str, steps: int, stop_after: int, tmp_path: Path, ray_address: str
) -> None:
    options: dict[str, Any] = {"overrides": [f"train.steps={steps}"], "runs": tmp_path}
    job = JOBS / f"{name}.yaml"
    expected = trained(distnet.run(job, inline=True, name="whole", **options))
    stop = tmp_path / "stopped" / "stop"

    def listen(record: dict[str, Any]) -> None:
        if record["kind"] == "step" and record["step"] >= stop_after:
            stop.touch()

    first = distnet.run(
        job, workers=2, address=ray_address, name="stopped", listener=listen, **options
    )
    status, stopped_at = first.status, first.result["steps"]  # a run reads its folder anew
    resumed = distnet.resume(first.folder.path, workers=3, address=ray_address)

    assert status == "stopped"
    assert 0 < stopped_at < steps
    assert resumed.status == "finished"
    assert trained(resumed) == expected
    attempts = [
        record
        for record in map(json.loads, resumed.folder.metrics.read_text().splitlines())
        if record["kind"] == "attempt"
    ]
    assert [a["workers"] for a in attempts] == [2, 3]
    assert attempts[1]["step"] == stopped_at
