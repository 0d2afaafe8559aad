"""Losses and gradients that are no numbers: stopped, skipped or rewound, the same everywhere."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from distnet.errors import NonFiniteError
from distnet.launch.poison import samples_of_step
from distnet.run_folder.assignment import Assignment
from distnet.spec.read import read_job_text
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import troubled
from tests.train.processes import run_workers
from tests.train.test_bits import assignment, bits

STEPS = 40
STEPS_PER_EPOCH = 13
EVERY = 4
JOB = f"""
name: troubled
network: {{kind: "{troubled.__file__}:NanLoss"}}
data: {{source: marked}}
optimizer: {{kind: adam, learning_rate: 0.01}}
train: {{steps: {STEPS}, batch_size: 30, slices: 4, seed: 3, on_nonfinite: MODE}}
checkpoint: {{every_steps: {EVERY}, keep: 100}}
"""
MODES = ("skip", "rewind")


def job_text(mode: str, network: str = "NanLoss") -> str:
    return JOB.replace("MODE", mode).replace("NanLoss", network)


@pytest.fixture(scope="module")
def one_bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Data with one bad sample, and the first step that uses it: the third after a multiple."""
    folder = tmp_path_factory.mktemp("one")
    job = read_job_text(job_text("stop")).job
    plain = troubled.write_marked(folder / "plain", [])
    step = EVERY + 3
    bad = samples_of_step(job, plain, step)[2][4]
    return troubled.write_marked(folder / "data", [bad]), step


def work_or_say(group: WorkerGroup, assigned: Assignment) -> str:
    try:
        return str(work(assigned, group)["weights_sha256"])
    except NonFiniteError as error:
        return str(error)


def work_one(group: WorkerGroup, assigned: Assignment) -> dict[str, Any]:
    return work(assigned, group)


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [record for record in lines if record["kind"] == kind]


@pytest.mark.parametrize("network", ["NanLoss", "NanGradient"])
def test_stop_names_step_slice_and_sample_on_all_workers(
    network: str, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    text = job_text("stop", network)
    slices = samples_of_step(read_job_text(text).job, data, step)

    said = run_workers(work_or_say, 3, tmp_path, assignment(text, data, tmp_path / "run"))

    assert said[0] == said[1] == said[2]
    assert f"step {step} (epoch 1)" in said[0]
    assert f"slice 2, sample {slices[2][4]};" in said[0]
    assert ("the loss is NaN" if network == "NanLoss" else "the gradient") in said[0]


def test_stop_leaves_the_weights_as_they_were(one_bad: tuple[Path, int], tmp_path: Path) -> None:
    data, step = one_bad
    before = job_text("stop").replace(f"steps: {STEPS}", f"steps: {step - 1}")
    work(assignment(before, data, tmp_path / "before"), WorkerGroup())
    every = job_text("stop").replace(f"every_steps: {EVERY}", "every_steps: 1")

    with pytest.raises(NonFiniteError, match="were not changed"):
        work(assignment(every, data, tmp_path / "run"), WorkerGroup())

    weights = read_newest(tmp_path / "run/checkpoints").weights
    expected = read_newest(tmp_path / "before/checkpoints").weights
    assert all(torch.equal(weights[name], tensor) for name, tensor in expected.items())


def test_stop_names_few_samples_where_a_batch_is_normalised(
    one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    text = job_text("stop", "NanNorm")
    bad = samples_of_step(read_job_text(text).job, data, step)[2][4]

    with pytest.raises(NonFiniteError, match=rf"slice 2, samples? .*\b{bad}\b"):
        work(assignment(text, data, tmp_path), WorkerGroup())


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("mode", MODES)
def test_bits_are_the_same_on_any_workers(
    mode: str, size: int, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    text, (data, _) = job_text(mode), one_bad

    alone = work(assignment(text, data, tmp_path / "alone"), WorkerGroup())
    group = run_workers(work_one, size, tmp_path, assignment(text, data, tmp_path / "group"))

    assert bits(group, tmp_path / "group") == bits([alone], tmp_path / "alone")


@pytest.mark.parametrize("mode", MODES)
def test_bits_are_the_same_resumed_anywhere(
    mode: str, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    text = job_text(mode)
    whole = bits([work(assignment(text, data, tmp_path / "1"), WorkerGroup())], tmp_path / "1")

    for at in (step - 1, step, step + 1, STEPS_PER_EPOCH + step):
        run = tmp_path / f"at-{at}"
        part = text.replace(f"steps: {STEPS}", f"steps: {at}").replace("keep: 100", "keep: 1")
        work(assignment(part, data, run), WorkerGroup())
        resumed = work(assignment(text, data, run, is_resumed=True), WorkerGroup())
        assert bits([resumed], run) == whole, f"resumed at step {at}"
        assert last_epochs(run) == last_epochs(tmp_path / "1")


def test_skip_moves_nothing_and_counts_the_step(one_bad: tuple[Path, int], tmp_path: Path) -> None:
    data, step = one_bad
    shorter = job_text("skip").replace(f"steps: {STEPS}", f"steps: {step}")
    before = shorter.replace(f"steps: {step}", f"steps: {step - 1}")

    work(assignment(before, data, tmp_path / "before"), WorkerGroup())
    work(assignment(shorter, data, tmp_path / "run"), WorkerGroup())

    assert states_equal(tmp_path / "before", tmp_path / "run")
    [skip] = records(tmp_path / "run", "skip")
    assert (skip["mode"], skip["step"], skip["from_step"]) == ("skip", step, step - 1)
    slices = samples_of_step(read_job_text(shorter).job, data, step)
    assert (skip["slice"], skip["samples"], skip["num_samples"]) == (2, [slices[2][4]], 1)
    assert skip["reason"] == "the loss is NaN"


@pytest.mark.parametrize(("mode", "updates"), [("skip", EVERY + 3), ("rewind", EVERY + 1)])
def test_the_bias_correction_of_adam_counts_the_updates_that_its_moments_have(
    mode: str, updates: int, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    text = job_text(mode).replace(f"steps: {STEPS}", f"steps: {step + 1}")

    work(assignment(text, data, tmp_path), WorkerGroup())

    assert read_newest(tmp_path / "checkpoints").facts["updates"] == {"network": updates}


def test_rewind_continues_with_the_weights_of_the_last_multiple(
    one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    shorter = job_text("rewind").replace(f"steps: {STEPS}", f"steps: {step}")
    before = shorter.replace(f"steps: {step}", f"steps: {EVERY}")

    work(assignment(before, data, tmp_path / "before"), WorkerGroup())
    work(assignment(shorter, data, tmp_path / "run"), WorkerGroup())

    assert states_equal(tmp_path / "before", tmp_path / "run")
    [skip] = records(tmp_path / "run", "skip")
    assert (skip["mode"], skip["step"], skip["from_step"]) == ("rewind", step, EVERY)


@pytest.mark.parametrize(("mode", "num_skipped"), [("skip", 1), ("rewind", 3)])
def test_epoch_records_which_samples_moved_the_weights(
    mode: str, num_skipped: int, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, _ = one_bad
    work(assignment(job_text(mode), data, tmp_path), WorkerGroup())

    epoch = records(tmp_path, "epoch")[0]

    assert epoch["samples"] == troubled.TRAIN - 30 * num_skipped
    assert epoch["skipped_samples"] == 30 * num_skipped


@pytest.mark.parametrize("mode", MODES)
def test_run_ends_when_no_update_is_a_number_any_more(mode: str, tmp_path: Path) -> None:
    data = troubled.write_marked(tmp_path / "data", range(troubled.TRAIN))
    assigned = assignment(job_text(mode), data, tmp_path / "run")

    said = run_workers(work_or_say, 2, tmp_path, assigned)

    assert said[0] == said[1]
    assert "step 10 (epoch 1)" in said[0]
    assert "10 steps in a row" in said[0]
    assert len(records(tmp_path / "run", "skip")) == 9


def test_message_names_twenty_samples_at_most(tmp_path: Path) -> None:
    data = troubled.write_marked(tmp_path / "data", range(troubled.TRAIN))
    text = job_text("stop").replace("batch_size: 30", "batch_size: 200")

    with pytest.raises(NonFiniteError, match=r"slice 0, samples (\d+, ){19}\d+ and 30 more"):
        work(assignment(text, data, tmp_path / "run"), WorkerGroup())


@pytest.mark.parametrize("mode", ["stop", "skip"])
def test_checkpoint_of_a_rewinding_run_serves_other_modes(
    mode: str, one_bad: tuple[Path, int], tmp_path: Path
) -> None:
    data, step = one_bad
    part = job_text("rewind").replace(f"steps: {STEPS}", f"steps: {step + 1}")
    work(assignment(part, data, tmp_path / "run"), WorkerGroup())
    shutil.copytree(tmp_path / "run", tmp_path / "again")
    later = job_text(mode).replace(f"steps: {STEPS}", f"steps: {STEPS_PER_EPOCH}")

    resumed = work(assignment(later, data, tmp_path / "again", is_resumed=True), WorkerGroup())

    assert resumed["steps"] == STEPS_PER_EPOCH


def states_equal(one: Path, other: Path) -> bool:
    """Whether weights, buffers and optimizer of the newest checkpoints are equal."""
    states = [read_newest(run / "checkpoints") for run in (one, other)]
    tensors = [
        {**s.weights, **{k: v for k, v in s.optimizer.items() if not k.startswith("rewind/")}}
        for s in states
    ]
    return all(torch.equal(tensors[1][name], tensor) for name, tensor in tensors[0].items())


def last_epochs(run: Path) -> list[Any]:
    """What the last record of each whole epoch contains, except for times."""
    keys = ("step", "train", "test", "samples", "samples_hash", "skipped_samples", "skipped_hash")
    whole = [r for r in records(run, "epoch") if r["step"] % STEPS_PER_EPOCH == 0]
    return list({r["epoch"]: {key: r[key] for key in keys} for r in whole}.values())
