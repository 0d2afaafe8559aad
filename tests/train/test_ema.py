"""`train.ema`: what is evaluated, used and kept is the average, and it is the same everywhere."""

from pathlib import Path
from typing import Any

import pytest
import torch

import distnet
from distnet.cli.main import main
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits, train

JOB = """
name: averaged
network: {kind: cnn, channels: [4], hidden: 8, batch_norm: true}
data: {source: "DATA"}
optimizer: {kind: sgd, learning_rate: 0.5}
train: {steps: 12, batch_size: 30, slices: 4, seed: 3, ema: 0.9}
"""


def test_evaluation_predictions_and_exports_use_the_average(stripes: Path, tmp_path: Path) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB.replace("DATA", str(stripes)))
    run = distnet.run(job, inline=True, runs=tmp_path, name="averaged")
    plain = distnet.run(job, inline=True, runs=tmp_path, name="plain", overrides=["train.ema=null"])
    state = read_newest(run.folder.checkpoints)
    average = {
        name.removeprefix("shadow/train.ema/"): tensor
        for name, tensor in state.optimizer.items()
        if name.startswith("shadow/train.ema/")
    }
    used = distnet.load(run.folder.path).network.state_dict()

    # The weights that train are those of a job without the key.
    assert run.result["weights_sha256"] == plain.result["weights_sha256"]
    assert run.metrics != plain.metrics
    assert int(average.pop("/updates")) == 12
    assert all(torch.equal(used[name], tensor) for name, tensor in average.items())
    assert not torch.equal(used["conv1.weight"], state.weights["conv1.weight"])
    for use in ("evaluation", "export"):
        loaded: Any = distnet.load(run.folder.path, use=use)
        assert torch.equal(loaded.network.state_dict()["conv1.weight"], used["conv1.weight"])


def test_a_task_with_an_average_of_its_own_refuses_it(capfd: pytest.CaptureFixture[str]) -> None:
    job = Path(__file__).parents[2] / "jobs" / "digits-gan.yaml"

    assert main(["check", str(job), "--set", "train.ema=0.9"]) == 2

    assert "evaluates its own shadow average already, so train.ema" in capfd.readouterr().err


@pytest.mark.check
def test_the_average_is_the_same_on_any_workers_and_after_a_resume(
    stripes: Path, tmp_path: Path
) -> None:
    text, runs = JOB.replace("DATA", "stripes"), {}
    for size in (1, 2, 3):
        run = tmp_path / f"run-{size}"
        runs[size] = bits(run_workers(train, size, tmp_path, assignment(text, stripes, run)), run)
    run = tmp_path / "stopped"
    train(WorkerGroup(), assignment(text, stripes, run), 5)
    (run / "stop").unlink()
    resumed = assignment(text, stripes, run, is_resumed=True)
    again = bits(run_workers(train, 2, tmp_path, resumed), run)

    assert "optimizer shadow/train.ema//updates" in runs[1][3]
    assert runs[1] == runs[2] == runs[3] == again
