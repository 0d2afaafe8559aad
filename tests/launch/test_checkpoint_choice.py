"""Which checkpoint is used, where checkpoints may lie, and what the plan says to that."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import CheckpointError
from distnet.launch.plan import make_plan
from distnet.spec.read import read_job
from distnet.trained.evaluate import evaluate
from distnet.trained.load import load_trained

JOB = """
name: chosen
network: {kind: mlp, hidden: [8]}
data: {source: stripes}
optimizer: {kind: adam, learning_rate: 0.3}
train: {epochs: 6, batch_size: 30}
checkpoint: {keep: 1, keep_best: 1, store: saved}
"""


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("source: stripes", f'source: "{stripes}"'))
    return path


def test_best_and_newest_and_a_step_are_distinguished(job: Path, tmp_path: Path) -> None:
    run = distnet.run(job, inline=True, runs=tmp_path)
    records = map(json.loads, run.folder.metrics.read_text().splitlines())
    accuracy = {r["step"]: r["test"]["accuracy"] for r in records if r["kind"] == "epoch"}
    best = max(accuracy, key=lambda step: (accuracy[step], step))

    assert load_trained(run.folder.path).step == best
    assert load_trained(run.folder.path, checkpoint="newest").step == 6 * 34
    assert load_trained(run.folder.path, checkpoint="best").step == best
    assert load_trained(run.folder.path, checkpoint=best).step == best
    figures = evaluate(run.folder.path, checkpoint="best")
    assert figures["metrics"]["accuracy"] == pytest.approx(accuracy[best])
    assert {p.name for p in (tmp_path / "saved/chosen-1").iterdir()} == {
        f"step-{step:08d}" for step in (best, 6 * 34)
    }
    with pytest.raises(CheckpointError, match="expected newest, best, or a step"):
        load_trained(run.folder.path, checkpoint="last")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("store: saved", "store: s4://b/a", ":7 checkpoint.store: found 's4://b/a', which cannot"),
        ("store: saved", "store: job.yaml/a", "job.yaml, which is a file; expected a folder"),
        (
            "store",
            "best_metric: acuracy, store",
            "best_metric: found unknown metric `acuracy`, did you mean `acc",
        ),
        ("keep: 1", "keep: 1", "evaluate.split"),
    ],
    ids=["address", "folder", "metric", "split"],
)
def test_check_refuses_what_cannot_be_kept(
    before: str, after: str, message: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    text = job.read_text().replace(before, after)
    job.write_text(text + ("evaluate: {split: exam}\n" if before == after else ""))

    assert main(["check", str(job)]) == 2

    assert message in capfd.readouterr().err


def test_plan_counts_the_snapshot(job: Path) -> None:
    plan = make_plan(read_job(job))

    # Weights and the two vectors of Adam.
    assert plan.memory_bytes["snapshot"] == 3 * 4 * plan.num_parameters
