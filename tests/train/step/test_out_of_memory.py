"""Memory that does not suffice: agreed by all workers at the same step, whoever it happens to."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from distnet.errors import OutOfMemoryError
from distnet.launch.poison import samples_of_step
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import read_job_text
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import troubled
from tests.train.processes import run_workers
from tests.train.step.test_nonfinite import records, states_equal
from tests.train.test_bits import assignment, bits

STEP = 5
STEPS = 20
JOB = f"""
name: troubled
network: {{kind: "{troubled.__file__}:NETWORK"}}
data: {{source: marked}}
optimizer: {{kind: adam, learning_rate: 0.01}}
train: {{steps: {STEPS}, batch_size: 30, slices: 4, seed: 3, on_out_of_memory: MODE}}
checkpoint: {{every_steps: 3, keep: 100}}
"""
REFUSED = {
    "HungryNorm": "batch normalisation",
    "HungryBatchNorm": "depends on the others",
    "HungryDropout": "random numbers",
    "Greedy": "single sample",
}
"""Networks whose slices cannot be halved, and why."""


def job_text(network: str, mode: str = "stop") -> str:
    return JOB.replace("NETWORK", network).replace("MODE", mode)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One sample, of slice 3 of step 5, is too much."""
    folder = tmp_path_factory.mktemp("memory")
    plain = troubled.write_marked(folder / "plain", [])
    [*_, last] = samples_of_step(read_job_text(job_text("Marked")).job, plain, STEP)
    return troubled.write_marked(folder / "data", last[-1:])


def work_or_say(group: WorkerGroup, assigned: Assignment) -> Any:
    try:
        return work(assigned, group)
    except OutOfMemoryError as error:
        return str(error)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_stop_is_the_same_error_on_all_workers(size: int, data: Path, tmp_path: Path) -> None:
    said = run_workers(
        work_or_say, size, tmp_path, assignment(job_text("Greedy"), data, tmp_path / "run")
    )

    assert len(set(said)) == 1
    assert f"step {STEP} (epoch 1): slice 3 (8 samples)" in said[0]
    assert f"worker {size - 1}: it needs another {troubled.TOO_MUCH} bytes" in said[0]
    assert "train.accumulate: 2" in said[0]
    assert "on_out_of_memory=halve" in said[0]


def test_stop_leaves_the_weights_as_they_were(data: Path, tmp_path: Path) -> None:
    before = job_text("Greedy").replace(f"steps: {STEPS}", f"steps: {STEP - 1}")
    every = job_text("Greedy").replace("every_steps: 3", "every_steps: 1")
    work(assignment(before, data, tmp_path / "before"), WorkerGroup())

    with pytest.raises(OutOfMemoryError):
        work(assignment(every, data, tmp_path / "run"), WorkerGroup())

    assert states_equal(tmp_path / "before", tmp_path / "run")


def test_slice_that_fits_the_second_time_changes_no_bit(data: Path, tmp_path: Path) -> None:
    plain = work(assignment(job_text("Marked"), data, tmp_path / "plain"), WorkerGroup())
    twice = run_workers(
        work_or_say, 2, tmp_path, assignment(job_text("Once"), data, tmp_path / "once")
    )

    assert bits(twice, tmp_path / "once") == bits([plain], tmp_path / "plain")


@pytest.mark.parametrize("size", [1, 2, 3])
def test_halves_train_on_and_differ_in_the_last_bits_only(
    size: int, data: Path, tmp_path: Path
) -> None:
    work(assignment(job_text("Marked"), data, tmp_path / "plain"), WorkerGroup())
    halved = run_workers(
        work_or_say, size, tmp_path, assignment(job_text("Hungry", "halve"), data, tmp_path / "run")
    )

    assert {outcome["status"] for outcome in halved} == {"finished"}
    assert len({outcome["weights_sha256"] for outcome in halved}) == 1
    states = [read_newest(tmp_path / run / "checkpoints") for run in ("plain", "run")]
    for name, tensor in states[0].weights.items():
        torch.testing.assert_close(states[1].weights[name], tensor, rtol=1e-3, atol=1e-4)
    assert states[1].facts["pieces"] == 2
    [note] = records(tmp_path / "run", "note")
    assert f"step {STEP}" in note["text"]
    assert "2 pieces" in note["text"]


@pytest.mark.check
def test_halves_are_kept_when_resumed_on_other_workers(data: Path, tmp_path: Path) -> None:
    text = job_text("Hungry", "halve")
    whole = bits([work(assignment(text, data, tmp_path / "1"), WorkerGroup())], tmp_path / "1")
    part = text.replace(f"steps: {STEPS}", f"steps: {STEP + 3}")
    work(assignment(part, data, tmp_path / "part"), WorkerGroup())

    resumed = assignment(text, data, tmp_path / "part", is_resumed=True)

    assert bits(run_workers(work_or_say, 2, tmp_path, resumed), tmp_path / "part") == whole


def test_ledger_counts_samples_once_when_a_step_is_computed_again(
    data: Path, tmp_path: Path
) -> None:
    text = job_text("Hungry", "halve").replace(f"steps: {STEPS}", "epochs: 1")

    work(assignment(text, data, tmp_path), WorkerGroup())

    [epoch] = records(tmp_path, "epoch")
    assert (epoch["samples"], epoch["skipped_samples"]) == (troubled.TRAIN, 0)


@pytest.fixture(scope="module")
def refusals(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Any]]:
    """What three workers say of each network whose slices cannot be halved."""
    folder = tmp_path_factory.mktemp("refused")
    texts = {network: job_text(network, "halve") for network in REFUSED}
    assigned = [assignment(text, data, folder / network) for network, text in texts.items()]
    said = zip(*run_workers(work_on_all, 3, folder, assigned), strict=True)
    return dict(zip(REFUSED, map(list, said), strict=True))


def work_on_all(group: WorkerGroup, assigned: list[Assignment]) -> list[Any]:
    return [work_or_say(group, each) for each in assigned]


@pytest.mark.parametrize("network", REFUSED)
def test_halving_is_refused_where_it_cannot_help_or_changes_more(
    network: str, refusals: dict[str, list[Any]]
) -> None:
    said = refusals[network]

    assert len(set(said)) == 1
    assert REFUSED[network] in said[0]
    assert f"step {STEP}" in said[0]


def test_evaluation_that_does_not_fit_is_reported_as_such(data: Path, tmp_path: Path) -> None:
    text = job_text("Marked").replace("Marked", "HungryEvaluation")

    with pytest.raises(OutOfMemoryError, match=r"evaluate\.batch_size") as caught:
        work(assignment(text, data, tmp_path), WorkerGroup())

    assert caught.value.failure == "out_of_memory"


def test_end_of_an_undisturbed_run_does_not_mention_memory(data: Path, tmp_path: Path) -> None:
    work(assignment(job_text("Marked"), data, tmp_path), WorkerGroup())

    [end] = records(tmp_path, "end")
    assert (end["status"], end["failure"], end["error"]) == ("finished", None, None)
    assert json.dumps(end["median_step_seconds"]) != "null"
