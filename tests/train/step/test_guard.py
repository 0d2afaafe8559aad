"""What breaks the promise is found in the first steps, on one worker and on two; nothing else is.

The networks stand in `impure.py`.
"""

import json
import re
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distnet.errors import NotReproducibleError, TrainingError
from distnet.run_folder.assignment import Assignment
from distnet.train.checkpoint.checkpoint import read_newest
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train.listeners import stop_at
from tests.train.processes import run_workers
from tests.train.step import impure
from tests.train.test_bits import assignment, bits

JOB = f"""
name: guarded
network: {{kind: "{impure.__file__}:NET"}}
data: {{source: stripes}}
optimizer: {{kind: sgd, learning_rate: 0.05}}
train: {{steps: 6, batch_size: 32, slices: 4, seed: 3}}
"""
FAULTY = {
    "ActNorm": "changes the parameter `shift`",
    "Teacher": "changes the parameter `teacher.weight` and `teacher.bias`",
    "HiddenTeacher": "the state `self.hidden`",
    "Counter": "the state `self.calls`",
    "Warmup": "the state `self.calls` each time, .* after 4,99. more slices",
    "ClassCounter": "the state `ClassCounter.calls` each time, .* after 49. more slices",
    "ClosureCounter": r"the state `self.count \(calls\)` each time, .* after 4. more slices",
    "DictCounter": r"the state `self.state\['calls'\]` each time, .* after 49. more slices",
    "LongList": r"the state `len\(LongList.between \(seen\)\)` each time, .* after 49. more",
    "FrozenLater": "the state `self.calls` each time, .* after 99. more slices",
    "Toggle": "the loss",
    "FirstOfHelper": "the loss",
    "GrowingList": "the state `self.seen`",
    "RunningMean": "the state `self.running`",
    "FirstBatch": "the loss",
    "DoubleBuffer": "a buffer of 64 bits differs",
    "GlobalCounter": "the state `CALLS of impure.py`",
    "CachedNoise": "the loss",
    "Clock": "each time it is computed",
    "Unseeded": "each time it is computed",
    "OwnGenerator": "the state `self.generator`",
    "ExtraCounter": "the extra state of `network`",
}
FAULTLESS = (
    "NumpyMixup",
    "PythonScale",
    "Regularised",
    "Caching",
    "Configured",
    "Logging",
    "Unreadable",
    "InPlace",
)


def job_text(network: str) -> str:
    return JOB.replace("NET", network)


def work_or_say(group: WorkerGroup, assigned: list[Assignment]) -> list[Any]:
    """For each job its outcome, or the error that ended it."""
    found: list[Any] = []
    for each in assigned:
        try:
            found.append(work(each, group))
        except NotReproducibleError as error:
            found.append(str(error))
    return found


@pytest.fixture(scope="module")
def by_two(stripes: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Any]]:
    """What two workers make of all networks, in one set of processes: run folder and outcomes."""
    folder, names = tmp_path_factory.mktemp("two"), (*FAULTY, *FAULTLESS)
    assigned = [assignment(job_text(name), stripes, folder / name) for name in names]
    outcomes = zip(*run_workers(work_or_say, 2, folder, assigned), strict=True)
    return {name: (folder / name, of) for name, of in zip(names, outcomes, strict=True)}


@pytest.mark.parametrize("network", FAULTY)
def test_broken_promise_is_found_on_one_worker(network: str, stripes: Path, tmp_path: Path) -> None:
    with pytest.raises(NotReproducibleError, match=FAULTY[network]) as caught:
        work(assignment(job_text(network), stripes, tmp_path), WorkerGroup())

    assert "train.guard: off" in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("network", FAULTY)
def test_broken_promise_is_found_on_two_workers(
    network: str, by_two: dict[str, tuple[Path, Any]]
) -> None:
    _, (first, second) = by_two[network]

    assert first == second
    assert re.search(FAULTY[network], first)


@pytest.mark.parametrize("network", FAULTLESS)
def test_kept_promise_is_the_same_on_two_workers(
    network: str, stripes: Path, by_two: dict[str, tuple[Path, Any]], tmp_path: Path
) -> None:
    run, outcomes = by_two[network]

    alone = work(assignment(job_text(network), stripes, tmp_path), WorkerGroup())

    assert bits(list(outcomes), run) == bits([alone], tmp_path)


@pytest.mark.parametrize(("task", "is_faulty"), [("CountingTask", True), ("PaintedTargets", False)])
def test_state_of_a_task_is_found(
    task: str, is_faulty: bool, stripes: Path, tmp_path: Path
) -> None:
    text = job_text("Plain") + f'task: {{kind: "{impure.__file__}:{task}"}}\n'
    error = pytest.raises(NotReproducibleError, match="`task.calls` each time, .* 49. more slices")

    with error if is_faulty else nullcontext():
        work(assignment(text, stripes, tmp_path), WorkerGroup())


def test_counter_without_influence_gives_a_note(stripes: Path, tmp_path: Path) -> None:
    work(assignment(job_text("Logging"), stripes, tmp_path), WorkerGroup())

    [note] = records(tmp_path, "note")
    assert "`self.calls`" in note["text"]
    assert "register_buffer" in note["text"]


def test_guard_can_be_turned_off_and_moves_no_bit(stripes: Path, tmp_path: Path) -> None:
    off = job_text("Regularised").replace("seed: 3", "seed: 3, guard: off")
    work(assignment(job_text("Counter").replace("seed: 3", "seed: 3, guard: off"), stripes,
                    tmp_path / "faulty"), WorkerGroup())  # fmt: skip

    runs = []
    for name, text in (("on", job_text("Regularised")), ("off", off)):
        outcome = work(assignment(text, stripes, tmp_path / name), WorkerGroup())
        runs.append(bits([outcome], tmp_path / name))

    assert runs[0] == runs[1]


def test_extra_state_of_whole_batches_survives_a_resume(stripes: Path, tmp_path: Path) -> None:
    text = job_text("ExtraCounter").replace("slices: 4", "slices: 1")
    whole = work(assignment(text, stripes, tmp_path / "whole"), WorkerGroup())
    part = text.replace("steps: 6", "steps: 3")
    work(assignment(part, stripes, tmp_path / "part"), WorkerGroup())

    again = assignment(text, stripes, tmp_path / "part", is_resumed=True)
    resumed = work(again, WorkerGroup())

    assert resumed["weights_sha256"] == whole["weights_sha256"]
    state = read_newest(tmp_path / "part" / "checkpoints")
    assert "extra/" in state.optimizer


def test_what_another_process_computes_otherwise_is_found_by_a_resume(
    stripes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = job_text("OfProcess").replace("steps: 6", "steps: 20")
    assigned = assignment(text, stripes, tmp_path)
    work(assigned, WorkerGroup(), listener=stop_at(5, assigned.folder.stop))
    (tmp_path / "stop").unlink()
    again = assignment(text, stripes, tmp_path, is_resumed=True)
    monkeypatch.setenv("SCALE_OF_TEST", "2")

    with pytest.raises(NotReproducibleError, match=r"resumed at step \d+: .* the loss.* differ"):
        work(again, WorkerGroup())

    monkeypatch.delenv("SCALE_OF_TEST")
    assert work(again, WorkerGroup())["status"] == "finished"


def test_extra_state_that_needs_pickle_is_refused_before_the_first_step(
    stripes: Path, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="get_extra_state of Pickled: found a set"):
        work(assignment(job_text("Pickled"), stripes, tmp_path), WorkerGroup())


def test_a_feed_that_forgets_is_found(tmp_path: Path) -> None:
    own = f'task: {{kind: "{impure.__file__}:Guess"}}\n'
    text = job_text("Plain").replace("source: stripes", "source: null") + own
    assigned = replace(assignment(text, tmp_path, tmp_path), dataset="")

    with pytest.raises(NotReproducibleError, match="slice 1 got other samples"):
        work(assigned, WorkerGroup())


@pytest.mark.parametrize(
    ("kind", "is_faulty"),
    [("UnseededView", True), ("NumpyView", False), ("UnseededSampler", True)],
)
def test_samples_that_are_not_the_same_again_are_found(
    kind: str, is_faulty: bool, stripes: Path, tmp_path: Path
) -> None:
    section = "view" if "View" in kind else "sampler"
    part = f', {section}: {{kind: "{impure.__file__}:{kind}"}}'
    text = job_text("Plain").replace("source: stripes", f"source: stripes{part}")
    error = pytest.raises(NotReproducibleError, match="slice 0 got other samples")

    with error if is_faulty else nullcontext():
        work(assignment(text, stripes, tmp_path), WorkerGroup())


def test_workers_that_drift_apart_are_found(stripes: Path, tmp_path: Path) -> None:
    text = job_text("Drifting").replace("steps: 6", "steps: 50")
    assigned = [assignment(text, stripes, tmp_path / "run")]

    [[first], [second]] = run_workers(work_or_say, 2, tmp_path, assigned)

    assert first == second
    assert "step 50 " in first
    assert "`a.weight` is not the same on all workers: worker 1 differs from worker 0" in first


def records(run: Path, kind: str) -> list[dict[str, Any]]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [record for record in lines if record["kind"] == kind]
