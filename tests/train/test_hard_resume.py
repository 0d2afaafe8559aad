"""Stopped, killed or damaged anywhere, and gone on with: the same bits and records."""

import json
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import distnet
from distnet.data import shard_writer
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.records.follow import following
from distnet.train.checkpoint.checkpoint import State, write_checkpoint
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.datasets import write_dataset
from tests.train.listeners import KillAtCheckpoint, stop_when
from tests.train.processes import forkserver, run_workers
from tests.train.test_bits import assignment, bits

STEPS_PER_EPOCH = 34
JOB = """
name: hard
network: {kind: mlp, hidden: [8]}
data: {source: stripes}
optimizer: {kind: sgd, learning_rate: 0.05}
train: {epochs: 2, batch_size: 30, slices: 4, seed: 3}
checkpoint: {every_steps: 1, keep: 100}
"""
LEARNING = {
    "sgd, constant": ("{kind: sgd, learning_rate: 0.05, momentum: 0}", "{kind: constant}"),
    "adam, step": ("{kind: adam, weight_decay: 0.1}", "{kind: step, warmup: 0.5}"),
    "adamw, cosine": ("{kind: adamw, weight_decay: 0.1}", "{kind: cosine, warmup: 0.1}"),
    "lion, one-cycle": ("{kind: lion, learning_rate: 0.001}", "{kind: one-cycle}"),
}
DIVISIONS = {
    "long rows": ("hidden: [8]", "hidden: [2000]"),  # of more than 1 MiB travel by stretches
    "seven slices": ("slices: 4", "slices: 7"),
    "many pieces": ("seed: 3", "seed: 3, accumulate: 20"),
    "joined batch": ("batch_size: 30", "batch_size: 100"),  # the rest of 3 joins the last batch
}


@pytest.mark.parametrize(
    "learning",
    [pytest.param(each, marks=[] if "adamw" in each else pytest.mark.check) for each in LEARNING],
)
def test_bits_and_epochs_are_the_same_resumed_at_any_step(
    learning: str, stripes: Path, tmp_path: Path
) -> None:
    optimizer, schedule = LEARNING[learning]
    text = JOB.replace("{kind: sgd, learning_rate: 0.05}", f"{optimizer}\nschedule: {schedule}")
    whole = bits(
        [work(assignment(text, stripes, tmp_path / "whole"), WorkerGroup())], tmp_path / "whole"
    )
    last = 2 * STEPS_PER_EPOCH

    for step in (1, STEPS_PER_EPOCH - 1, STEPS_PER_EPOCH, STEPS_PER_EPOCH + 1, last - 1, last):
        run = tmp_path / f"from-{step}"
        saved = f"checkpoints/step-{step:08d}"
        shutil.copytree(tmp_path / "whole" / saved, run / saved)
        less_saved = text.replace("every_steps: 1, ", "")
        resumed = work(assignment(less_saved, stripes, run, is_resumed=True), WorkerGroup())

        assert bits([resumed], run) == whole, f"resumed at step {step}"
        assert epochs(run).items() <= epochs(tmp_path / "whole").items()


@pytest.mark.parametrize(
    ("memory", "batch_size"), [("50KB", 30), ("1KB", 200)], ids=["windows", "least"]
)
def test_bits_of_a_streamed_split_are_the_same_on_three_workers_and_after_a_resume(
    memory: str, batch_size: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shard_writer, "ROW_GROUP_BYTES", 40 * (12 * 12 + 4))
    data = write_dataset(tmp_path / "data", train=1003, test=203)
    text = JOB.replace("source: stripes", f"source: stripes, memory: {memory}")
    text = text.replace("batch_size: 30", f"batch_size: {batch_size}")
    text = text.replace("every_steps: 1,", "every_steps: 4,")
    alone = bits([work(assignment(text, data, tmp_path / "1"), WorkerGroup())], tmp_path / "1")

    three = run_workers(work_one, 3, tmp_path, assignment(text, data, tmp_path / "3"))
    saved = "checkpoints/step-00000004"
    shutil.copytree(tmp_path / "3" / saved, tmp_path / "again" / saved)
    again = work(assignment(text, data, tmp_path / "again", is_resumed=True), WorkerGroup())

    assert bits(three, tmp_path / "3") == alone
    assert bits([again], tmp_path / "again") == alone


@pytest.fixture(scope="module")
def divided(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, ...]]:
    """The bits of each division on three workers, all in one set of processes."""
    folder = tmp_path_factory.mktemp("divided")
    assigned = [assignment(divided_job(name), stripes, folder / name) for name in DIVISIONS]
    outcomes = zip(*run_workers(work_all, 3, folder, assigned), strict=True)
    done = zip(DIVISIONS, outcomes, strict=True)
    return {name: bits(list(of_workers), folder / name) for name, of_workers in done}


def divided_job(name: str) -> str:
    short = JOB.replace("epochs: 2", "steps: 12").replace("every_steps: 1, ", "")
    return short.replace(*DIVISIONS[name])


@pytest.mark.parametrize("name", DIVISIONS)
def test_bits_of_an_unusual_division_are_the_same_on_three_workers(
    name: str, divided: dict[str, tuple[Any, ...]], stripes: Path, tmp_path: Path
) -> None:
    alone = work(assignment(divided_job(name), stripes, tmp_path), WorkerGroup())

    assert divided[name] == bits([alone], tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
@pytest.mark.check
def test_bits_are_the_same_when_killed_and_resumed_again_and_again(
    stripes: Path, tmp_path: Path
) -> None:
    text = JOB.replace("source: stripes", f'source: "{stripes}"').replace("keep: 100", "keep: 2")
    job = tmp_path / "job.yaml"
    job.write_text(text)
    whole = distnet.run(job, inline=True, runs=tmp_path, name="whole")
    run = tmp_path / "killed"

    start_and_kill(distnet.run, job, runs=tmp_path, name="killed")
    start_and_kill(distnet.resume, run)
    resumed = distnet.resume(run, inline=True)

    assert resumed.result["weights_sha256"] == whole.result["weights_sha256"]
    assert resumed.metrics == whole.metrics
    assert epochs(run) == epochs(tmp_path / "whole")


def test_run_killed_while_saving_for_the_first_time_begins_anew(
    stripes: Path, tmp_path: Path
) -> None:
    assigned = assignment(JOB, stripes, tmp_path, is_resumed=True)
    (tmp_path / "checkpoints/.partial-step-00000001").mkdir()

    assert work(assigned, WorkerGroup())["status"] == "finished"


def test_checkpoint_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / ".partial-step-00000041").mkdir()

    write_checkpoint(tmp_path, State(42, {}, {}))

    assert [path.name for path in tmp_path.iterdir()] == ["step-00000042"]


def test_evaluation_of_a_stopped_run_names_the_step_that_it_measured(
    stripes: Path, tmp_path: Path
) -> None:
    text = JOB.replace("epochs: 2", "steps: 35")
    whole = work(assignment(text, stripes, tmp_path / "whole"), WorkerGroup())
    stopped = assignment(JOB, stripes, tmp_path / "stopped", is_resumed=True)
    saved = f"checkpoints/step-{STEPS_PER_EPOCH - 1:08d}"
    assert whole["steps"] == STEPS_PER_EPOCH + 1
    shutil.copytree(tmp_path / "whole" / saved, tmp_path / "stopped" / saved)

    outcome = stop_in_second_epoch(stopped)

    assert outcome["steps"] > STEPS_PER_EPOCH
    evaluation = json.loads((tmp_path / "stopped/evaluation.json").read_text())
    assert evaluation["step"] == STEPS_PER_EPOCH


def test_run_trained_for_longer_remembers_it_when_it_was_stopped(
    stripes: Path, tmp_path: Path
) -> None:
    job = tmp_path / "job.yaml"
    job.write_text(JOB.replace("source: stripes", f'source: "{stripes}"'))
    first = distnet.run(job, inline=True, runs=tmp_path, name="longer")
    stop = first.folder.path / "stop"

    def listen(record: dict[str, Any]) -> None:
        if record["kind"] == "attempt":
            stop.touch()

    distnet.resume(first.folder.path, inline=True, overrides=["train.epochs=3"], listener=listen)
    resumed = distnet.resume(first.folder.path, inline=True)

    assert resumed.result["steps"] == resumed.result["num_steps"] == 3 * STEPS_PER_EPOCH


def test_following_continues_after_a_torn_line(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.jsonl"
    metrics.write_text('{"kind": "step", "lo')
    heard: list[dict[str, Any]] = []

    with following(metrics, heard.append), metrics.open("a") as file:
        file.write('\n{"kind": "end"}\n')

    assert heard == [{"kind": "end"}]


def work_one(group: WorkerGroup, assigned: Assignment) -> dict[str, Any]:
    return work(assigned, group)


def work_all(group: WorkerGroup, assigned: list[Assignment]) -> list[dict[str, Any]]:
    return [work(each, group) for each in assigned]


def stop_in_second_epoch(assigned: Assignment) -> dict[str, Any]:
    listener = stop_when(lambda record: record["kind"] == "epoch", assigned.folder.stop)
    return work(assigned, WorkerGroup(), listener=listener)


def epochs(run: Path) -> dict[int, Any]:
    """What the last record of each epoch contains, except for times."""
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return {r["epoch"]: (r["step"], r["train"], r["test"]) for r in records if r["kind"] == "epoch"}


def start_and_kill(
    start: Callable[..., Any], of: Path, num_checkpoints: int = 8, **options: Any
) -> None:
    """Train in a process of its own, which is killed when it has made this many checkpoints."""
    arguments = (start, of, num_checkpoints, options)
    process = forkserver().Process(target=train_until_killed, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def train_until_killed(
    start: Callable[..., Any], of: Path, num_checkpoints: int, options: dict[str, Any]
) -> None:
    start(of, inline=True, listener=KillAtCheckpoint(num_checkpoints), **options)
