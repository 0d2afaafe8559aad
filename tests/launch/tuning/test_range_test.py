"""A range test is the training of a job at rising rates: on any workers, of any task."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from distnet.launch.tuning.range_test import Span, rising, tune_rate
from distnet.spec.read import read_job
from tests.datasets import stripes
from tests.train.small_runs import Planned, planned, run_all

__all__ = ["stripes"]

JOB = """name: tuned
network: {kind: mlp, hidden: [16], dropout: 0.1}
data: {source: "DATA", augment: [{kind: shift}]}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 60, slices: 3}
"""
SPAN = Span(low=1e-5, high=10.0, steps=60)
USERS = Path(__file__).parents[2] / "train" / "users"


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATA", str(stripes)))
    return path


def test_the_loss_falls_until_it_diverges_and_a_rate_is_suggested(job: Path) -> None:
    seen: list[tuple[int, float, float]] = []

    found = tune_rate(read_job(job), SPAN, lambda *step: seen.append(step))

    assert found.end == "diverged"
    assert 30 < len(found.rates) <= 60
    assert [rate for _, rate, _ in seen] == list(found.rates)
    assert found.rates[0] == pytest.approx(1e-5)
    assert found.rates[1] / found.rates[0] == pytest.approx(10**0.1)
    assert 1e-4 < found.suggestions[0].rate < 1
    assert found.settings == (f"optimizer.learning_rate={found.suggestions[0].rate:g}",)
    assert list(job.parent.iterdir()) == [job]


def test_rates_of_players_rise_in_proportion() -> None:
    text = "players={critic: {optimizer: {kind: sgd, learning_rate: 0.02}, schedule: {kind: step}}}"
    file = read_job(USERS / "gan.yaml", overrides=[text, "optimizer.learning_rate=0.1"])

    job = rising(file.job, Span(low=1e-3, high=1.0, steps=10))

    assert job.player("critic").optimizer.learning_rate == pytest.approx(0.2)
    assert job.player("critic").schedule == job.schedule == job.player("network").schedule


def test_a_run_starts_with_the_weights_of_its_job(job: Path, tmp_path: Path) -> None:
    torch.save({"output.weight": torch.zeros(4, 16)}, tmp_path / "zeros.pt")
    start = 'start={weights: zeros.pt, ignore: ["hidden1.*", "output.bias"]}'
    file = read_job(job, overrides=["network.dropout=0", start])

    found = tune_rate(file, replace(SPAN, steps=20))
    drawn = tune_rate(read_job(job, overrides=["network.dropout=0"]), replace(SPAN, steps=20))

    assert found.losses[0] != drawn.losses[0]


def test_a_loss_that_is_not_finite_ends_it(job: Path) -> None:
    file = read_job(job, overrides=["optimizer={kind: sgd}"])

    found = tune_rate(file, Span(low=1e37, high=1e38, steps=20))

    assert found.end == "not finite"
    assert "begin with a lower rate" in found.problem


@pytest.mark.check
def test_the_losses_are_those_of_any_number_of_workers(job: Path, tmp_path: Path) -> None:
    found = tune_rate(read_job(job), SPAN)
    once = planned(job)
    raised = Planned(replace(once.file, job=rising(once.file.job, SPAN)), once.plan)

    for size in (1, 2, 3):
        run = run_all(size, {"tuned": raised}, tmp_path)["tuned"]
        losses = [record["loss"] for record in run.losses()]
        assert tuple(losses[: len(found.losses)]) == found.losses


@pytest.mark.check
@pytest.mark.parametrize("name", ["cartpole", "gan"])
def test_tasks_with_a_replay_and_with_players_have_losses(name: str) -> None:
    found = tune_rate(read_job(USERS / f"{name}.yaml"), Span(steps=40))

    assert len(found.losses) > 5
    assert all(rate > 0 for rate in found.rates)
    assert any("train against one another" in note for note in found.notes) == (name == "gan")
