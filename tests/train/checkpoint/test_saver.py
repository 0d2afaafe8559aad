"""Saving in the background: what is saved, when, and what happens when the store fails."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from distnet.errors import CheckpointError, RunError, StaleAttemptError, StorageError
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.fence import claim_fence
from distnet.train.checkpoint import durable
from distnet.train.checkpoint.checkpoint import (
    State,
    read_checkpoint,
    read_newest,
    write_checkpoint,
)
from distnet.train.checkpoint.local_store import LocalStore
from distnet.train.checkpoint.saver import Saver, is_due_by_step
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.checkpoint.checkpoints import is_same, state
from tests.train.listeners import stop_at
from tests.train.test_bits import assignment

JOB = """
name: saved
network: {kind: mlp, hidden: [8]}
data: {source: stripes}
train: {epochs: 2, batch_size: 30, slices: 4, seed: 3}
retry: {storage: {times: 100, backoff: 20ms}, longest_backoff: 100ms}
"""


@pytest.fixture
def make(stripes: Path, tmp_path: Path) -> Iterator[Callable[..., "Saving"]]:
    """Makes a saver for a job with other options of `checkpoint`; ends it after the test."""
    made = []

    def make(options: str = "", text: str = JOB, *, is_resumed: bool = False) -> Saving:
        text += f"checkpoint: {{{options}}}\n"
        made.append(Saving(assignment(text, stripes, tmp_path / "run", is_resumed=is_resumed)))
        return made[-1]

    yield make
    for saving in made:
        saving.saver.close()


class Saving:
    """A saver, and the records that it has emitted."""

    def __init__(self, assigned: Assignment) -> None:
        self.records: list[dict[str, Any]] = []
        self.run, self.folder = assigned.folder, assigned.folder.checkpoints
        self.job = assigned.job
        self.saver = Saver(assigned.job, assigned, self.records.append)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in self.records if record["kind"] == kind]


def commit(saver: Saver, at: State) -> None:
    saver.save(at)
    saver.flush()


def is_due(saving: Saving, step: int, *, is_evaluated: bool = False) -> bool:
    """What the loop decides after each step."""
    spec = saving.job.checkpoint
    return saving.saver.is_due_by_time() or is_due_by_step(spec, step, is_evaluated)


@contextmanager
def writing_held() -> Iterator[tuple[threading.Event, threading.Event]]:
    """Hold the writing thread at its first file.

    Gives two events: one set when it is there, one that lets it continue.
    """
    is_there, go_on = threading.Event(), threading.Event()

    def wait(name: str) -> None:
        if name.startswith("create weights"):
            is_there.set()
            assert go_on.wait(60)

    durable.LISTENERS.append(wait)
    try:
        yield is_there, go_on
    finally:
        go_on.set()
        durable.LISTENERS.remove(wait)


def wait_until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.001)


def test_checkpoint_holds_the_state_at_its_step_while_training_continues(
    make: Callable[..., Saving],
) -> None:
    saving = make()
    live = state(3, numbers=1000)
    with writing_held() as (_, go_on):
        saving.saver.save(live)
        for tensor in [*live.weights.values(), *live.optimizer.values()]:
            tensor.add_(1)
        assert saving.of("checkpoint") == []
        go_on.set()
        saving.saver.flush()

    found = read_newest(saving.folder)
    assert torch.equal(
        found.weights["layer.weight"], state(3, numbers=1000).weights["layer.weight"]
    )
    assert torch.equal(found.optimizer["mean"], state(3).optimizer["mean"])
    [record] = saving.of("checkpoint")
    assert (record["step"], record["folder"]) == (3, "checkpoints/step-00000003")
    assert 0 < record["stall_seconds"] < record["seconds"]
    assert record["num_bytes"] > 4000


def test_one_due_by_time_waits_while_another_is_written(make: Callable[..., Saving]) -> None:
    saving = make("every: 1ms")
    with writing_held() as (is_there, go_on):
        saving.saver.save(state(1))
        assert is_there.wait(60)
        assert not is_due(saving, 2)
        go_on.set()
        saving.saver.flush()

    wait_until(lambda: is_due(saving, 3))
    commit(saving.saver, state(3))
    assert LocalStore(saving.folder).names() == ["step-00000001", "step-00000003"]


def test_every_step_due_is_saved_however_slow_the_store(make: Callable[..., Saving]) -> None:
    saving = make("every_steps: 2, keep: 100")
    for step in range(1, 21):
        assert is_due(saving, step) == (step % 2 == 0)
        if is_due(saving, step):
            saving.saver.save(state(step, numbers=100_000))
    saving.saver.flush()

    assert [record["step"] for record in saving.of("checkpoint")] == list(range(2, 21, 2))
    for step in range(2, 21, 2):
        found = read_checkpoint(saving.folder, f"step-{step:08d}")
        assert torch.equal(found.weights["layer.count"], torch.tensor(step))


def test_tensors_that_come_and_go_are_saved_as_they_are(make: Callable[..., Saving]) -> None:
    saving = make()
    more = {"rewind/weights": torch.ones(7)}
    saving.saver.prepare(state(1))
    for step, extra in ((1, {}), (2, more), (3, {})):
        one = state(step)
        commit(saving.saver, State(step, one.weights, {**one.optimizer, **extra}))

        assert read_newest(saving.folder).optimizer.keys() == {"mean", *extra}


def test_step_is_saved_once(make: Callable[..., Saving]) -> None:
    saving = make()
    saving.saver.save(state(5))
    commit(saving.saver, state(5))
    commit(saving.saver, state(5))

    assert len(saving.of("checkpoint")) == 1


def break_store(saving: Saving) -> Path:
    """Put a file where the folder of the checkpoints is; what was there is beside it."""
    aside = saving.folder.with_name("aside")
    saving.folder.rename(aside)
    saving.folder.write_text("")
    return aside


def repair_store(saving: Saving, aside: Path) -> None:
    saving.folder.unlink()
    aside.rename(saving.folder)


def test_failing_store_is_tried_again_with_the_newest_state(make: Callable[..., Saving]) -> None:
    saving = make("every_steps: 1", JOB.replace("20ms", "100ms"))
    commit(saving.saver, state(1))
    aside = break_store(saving)
    for step in range(2, 50):
        saving.saver.save(state(step))
    wait_until(lambda: len(saving.of("note")) >= 3)
    repair_store(saving, aside)
    saving.saver.flush()

    assert is_same_but_facts(read_newest(saving.folder), state(49))
    assert "of step 1 is intact; tried again in 0.1 s" in saving.of("note")[0]["text"]
    assert saving.of("note")[0]["text"].startswith("checkpoint of step ")
    assert len(saving.of("checkpoint")) < 5, "newer states replaced those that waited"


def is_same_but_facts(found: State, expected: State) -> bool:
    return is_same(replace(found, facts={}), replace(expected, facts={}))


def test_failing_store_ends_training_when_the_budget_is_spent(
    make: Callable[..., Saving],
) -> None:
    saving = make("", JOB.replace("times: 100", "times: 3"))
    commit(saving.saver, state(1))
    aside = break_store(saving)

    message = r"step 2 could not be written 4 times in a row: .*; earlier checkpoints are intact"
    with pytest.raises(StorageError, match=message):
        commit(saving.saver, state(2))

    assert len(saving.of("note")) == 3
    assert is_due(saving, 3)
    with pytest.raises(StorageError, match=message):
        saving.saver.save(state(3))
    repair_store(saving, aside)
    assert is_same_but_facts(read_newest(saving.folder), state(1))


def test_budget_is_full_again_after_a_success(make: Callable[..., Saving]) -> None:
    saving = make("keep: 100", JOB.replace("times: 100", "times: 2").replace("20ms", "5ms"))
    for step in range(1, 5):
        aside = break_store(saving)
        saving.saver.save(state(step))
        wait_until(lambda: len(saving.of("note")) >= step)  # noqa: B023
        repair_store(saving, aside)
        saving.saver.flush()

    assert len(saving.of("checkpoint")) == 4


def test_close_cancels_a_retry_and_finishes_a_commit(
    make: Callable[..., Saving],
) -> None:
    saving = make("", JOB.replace("20ms", "1h").replace("100ms", "1h"))
    with writing_held() as (is_there, go_on):
        saving.saver.save(state(1))
        assert is_there.wait(60)
        threading.Timer(0.05, go_on.set).start()
        saving.saver.close()
    assert read_newest(saving.folder).step == 1

    waiting = make("", JOB.replace("20ms", "1h").replace("100ms", "1h"), is_resumed=True)
    aside = break_store(waiting)
    waiting.saver.save(state(2))
    wait_until(lambda: bool(waiting.of("note")))
    waiting.saver.close()
    repair_store(waiting, aside)
    assert [p.name for p in saving.folder.iterdir()] == ["step-00000001"]


def test_attempt_that_has_lost_the_run_saves_nothing_and_ends(
    make: Callable[..., Saving],
) -> None:
    saving = make()
    commit(saving.saver, state(1))
    claim_fence(saving.run, at_least=2)

    with pytest.raises(StaleAttemptError, match="attempt 2 now trains this run"):
        commit(saving.saver, state(2))

    assert [p.name for p in saving.folder.iterdir()] == ["step-00000001"]


def test_fault_of_a_state_is_raised_where_training_is(make: Callable[..., Saving]) -> None:
    saving = make()
    saving.saver.save(State(1, {"odd": torch.zeros(1, dtype=torch.complex128)}, {}))

    with pytest.raises(Exception, match="odd is of torch.complex128"):
        saving.saver.flush()


def test_new_run_refuses_the_checkpoints_of_another(make: Callable[..., Saving]) -> None:
    write_checkpoint(make().folder, state(9))

    with pytest.raises(RunError, match="found checkpoints of another run with this name"):
        make()


def test_checkpoint_without_a_record_is_recorded_by_the_next_attempt(
    make: Callable[..., Saving],
) -> None:
    first = make()
    write_checkpoint(first.folder, state(8), attempt=1)

    [record] = make(is_resumed=True).of("checkpoint")
    assert (record["step"], record["attempt"]) == (8, 1)

    first.run.metrics.write_text(json.dumps(record | {"num_bytes": 1}) + "\n")
    assert make(is_resumed=True).of("checkpoint") == []


def test_evaluated_step_is_saved_with_its_metrics_where_the_best_are_kept(
    make: Callable[..., Saving],
) -> None:
    saving = make("keep: 1, keep_best: 1, best_metric: accuracy, best_order: max")
    for step, accuracy in ((1, 0.5), (2, 0.9), (3, 0.7)):
        assert not is_due(saving, step)
        saving.saver.note_evaluation(step, {"loss": 1.0, "accuracy": accuracy})
        assert is_due(saving, step, is_evaluated=True)
        saving.saver.save(state(step))
    commit(saving.saver, state(4))

    assert LocalStore(saving.folder).names() == ["step-00000002", "step-00000004"]
    best = read_checkpoint(saving.folder, "step-00000002")
    assert best.facts["metrics"] == {"loss": 1.0, "accuracy": 0.9}
    assert "metrics" not in read_newest(saving.folder).facts


def test_best_metric_that_is_not_measured_is_refused(make: Callable[..., Saving]) -> None:
    saving = make("keep_best: 1, best_metric: f2")

    with pytest.raises(RunError, match=r"found f2, but the evaluation gives loss, accuracy"):
        saving.saver.note_evaluation(1, {"loss": 1.0, "accuracy": 0.5})


@pytest.mark.parametrize("store", ["elsewhere", "memory://elsewhere"])
def test_run_resumes_from_its_own_store(store: str, stripes: Path, tmp_path: Path) -> None:
    text = JOB + f'checkpoint: {{store: "{store}", every_steps: 7}}\n'
    whole = work(assignment(JOB, stripes, tmp_path / "whole"), WorkerGroup())
    first = assignment(text, stripes, tmp_path / "run")

    stop = stop_at(20, first.folder.stop)
    assert work(first, WorkerGroup(), listener=stop)["status"] == "stopped"
    first.folder.stop.unlink()
    again = assignment(text, stripes, tmp_path / "run", is_resumed=True)
    resumed = work(again, WorkerGroup())

    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert list(first.folder.checkpoints.iterdir()) == []
    moved = again.job.checkpoint.model_copy(update={"store": None})
    gone = replace(again, job=again.job.model_copy(update={"checkpoint": moved}))
    with pytest.raises(CheckpointError, match="no whole checkpoint is left"):
        work(gone, WorkerGroup())
