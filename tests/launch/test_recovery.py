"""Runs to which something happens: killed, stopped, resized, hung; the weights must not show it.

Everything is real: Ray's processes, signals, files. What is done is done when the records say that
training has come so far, never after a time.
"""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import ray
import yaml

import distnet
from distnet.errors import NotEnoughResourcesError, PoisonStepError, RunError, TrainingError
from distnet.run_folder import control
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import read_heartbeats

pytestmark = pytest.mark.ray
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
STEPS = 3000
EVERY = 100
LONG = (f"train.steps={2 * STEPS}", "evaluate.every_epochs=1000")
SHORT = (f"train.steps={STEPS}", f"checkpoint.every_steps={EVERY}")


class Story:
    """Does something to the run at each record of a step that is far enough."""

    def __init__(self, folder: RunFolder, *deeds: tuple[int, Callable[[RunFolder], Any]]) -> None:
        self.folder, self._deeds = folder, list(deeds)
        self.threads: list[threading.Thread] = []

    def __call__(self, record: dict[str, Any]) -> None:
        if record["kind"] not in ("step", "checkpoint") or not self._deeds:
            return
        step, deed = self._deeds[0]
        if record["step"] >= step:
            self._deeds.pop(0)
            self.threads.append(threading.Thread(target=deed, args=(self.folder,)))
            self.threads[-1].start()

    def end(self) -> None:
        for thread in self.threads:
            thread.join()
        assert not self._deeds


def send(rank: int, number: int) -> Callable[[RunFolder], None]:
    """Send a signal to a worker."""

    def deed(folder: RunFolder) -> None:
        sign = next(s for s in read_heartbeats(folder.heartbeats) if s.rank == rank)
        os.kill(sign.process, number)

    return deed


def resize(workers: int) -> Callable[[RunFolder], None]:
    return lambda folder: control.resize(folder, workers, wait_s=None) and None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the run to which nothing happens."""
    runs = tmp_path_factory.mktemp("undisturbed")
    return str(distnet.run(JOB, inline=True, overrides=SHORT, runs=runs).result["weights_sha256"])


def disturb(runs: Path, *deeds: tuple[int, Any], **options: Any) -> tuple[distnet.Run, list[Any]]:
    """Run the job while the deeds are done to it; returns the run and its records."""
    story = Story(RunFolder(runs / "it"), *deeds)
    overrides = (*SHORT, *options.pop("overrides", ()))
    run = distnet.run(JOB, name="it", runs=runs, listener=story, overrides=overrides, **options)
    story.end()
    return run, records(run.folder)


def records(folder: RunFolder, *kinds: str) -> list[dict[str, Any]]:
    found = map(json.loads, folder.metrics.read_text().splitlines())
    return [record for record in found if not kinds or record["kind"] in kinds]


def of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in found if record["kind"] == kind]


@pytest.mark.parametrize("ranks", [(1,), pytest.param((0, 1), marks=pytest.mark.check)])
def test_killed_workers_cost_an_interval_each_and_no_bit(tmp_path, ray_address, undisturbed, ranks):
    steps = (EVERY, 15 * EVERY)
    kills = [(step, send(rank, signal.SIGKILL)) for step, rank in zip(steps, ranks, strict=False)]

    run, found = disturb(tmp_path, *kills, workers=2, address=ray_address)

    assert run.result["weights_sha256"] == undisturbed
    assert run.result["attempts"] == len(ranks) + 1
    attempts, ends, restarts = (of(found, kind) for kind in ("attempt", "end", "restart"))
    assert [end["failure"] for end in ends] == [*["lost_worker"] * len(ranks), None]
    assert [end["status"] for end in ends] == [*["failed"] * len(ranks), "finished"]
    for end, began, restart in zip(ends, attempts[1:], restarts, strict=False):
        assert began["cause"] == restart["cause"] == "lost_worker"
        assert began["step"] % EVERY == 0
        assert 0 <= end["step"] - began["step"] <= 2 * EVERY
        assert (restart["from"], restart["to"], restart["step"]) == (2, 2, began["step"])
        assert restart["seconds"] > 0


@pytest.mark.check
def test_a_worker_that_stands_still_is_found_and_ended(tmp_path, ray_address, undisturbed):
    processes: list[psutil.Process] = []

    def stop(folder: RunFolder) -> None:
        signs = read_heartbeats(folder.heartbeats)
        processes.extend(psutil.Process(sign.process) for sign in signs)
        processes[1].suspend()

    hang = ("retry.hang.after=3s",)
    run, found = disturb(tmp_path, (EVERY, stop), workers=2, address=ray_address, overrides=hang)

    assert run.result["weights_sha256"] == undisturbed
    (failed, _) = of(found, "end")
    assert failed["failure"] == "hang"
    assert "worker 1 hung" in failed["error"]
    assert "SIGSTOP" in failed["error"]
    assert "most recent call first" in run.folder.worker_log(0).read_text()
    assert not any(process.is_running() for process in processes)


@pytest.mark.check
def test_resizes_recompute_no_step(tmp_path, ray_address, undisturbed):
    refused: list[str] = []

    def ask_for_too_many(folder: RunFolder) -> None:
        try:
            control.resize(folder, 5, wait_s=None)
        except RunError as error:
            refused.append(str(error))

    changes = [(1, ask_for_too_many), (EVERY, resize(3)), (8 * EVERY, resize(1))]

    run, found = disturb(tmp_path, *changes, workers=2, address=ray_address)

    assert "cut into 4 slices" in refused[0]
    assert run.result["weights_sha256"] == undisturbed
    assert [record["workers"] for record in of(found, "attempt")] == [2, 3, 1]
    assert [record["cause"] for record in of(found, "attempt")] == ["start", "resize", "resize"]
    ends = [record["step"] for record in of(found, "end")]
    assert [record["step"] for record in of(found, "attempt")] == [0, *ends[:-1]]
    assert [(r["from"], r["to"]) for r in of(found, "restart")] == [(2, 3), (3, 1)]
    assert all(record["seconds"] > 0 for record in of(found, "restart"))


@pytest.mark.check
def test_workers_between_start_with_what_there_is_and_grow(tmp_path, ray_address):
    @ray.remote(num_cpus=2)
    class Other:
        """Somebody else's work."""

        def is_there(self) -> bool:
            return True

    job = yaml.safe_load(JOB.read_text()) | {"resources": {"workers": {"min": 1, "max": 4}}}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))
    ray.init(ray_address, log_to_driver=False, namespace="others")
    try:
        other = Other.remote()
        assert ray.get(other.is_there.remote())
        story = Story(RunFolder(tmp_path / "it"), (EVERY, lambda _: ray.kill(other)))

        run = distnet.run(
            tmp_path / "job.yaml", name="it", runs=tmp_path, listener=story, overrides=LONG
        )
        story.end()
    finally:
        ray.shutdown()

    expected = distnet.run(JOB, inline=True, overrides=LONG, runs=tmp_path)
    assert run.result["weights_sha256"] == expected.result["weights_sha256"]
    attempts = records(run.folder, "attempt")
    assert [record["workers"] for record in attempts] == [2, 4]
    assert attempts[1]["step"] == records(run.folder, "end")[0]["step"]


@pytest.mark.check
def test_stop_from_another_process_ends_a_run_as_planned(tmp_path, ray_address, undisturbed):
    ended: list[dict[str, object]] = []

    def stop(folder: RunFolder) -> None:
        ended.append(control.stop(folder, wait_s=120))

    run, _ = disturb(tmp_path, (EVERY, stop), workers=2, address=ray_address)
    stopped_at = run.result["steps"]  # a run reads its folder anew
    assert run.status == "stopped"
    assert ended == [{"run": "it", "status": "stopped", "step": stopped_at}]

    resumed = distnet.resume(tmp_path / "it", workers=1, address=ray_address)

    assert resumed.result["weights_sha256"] == undisturbed
    assert records(resumed.folder, "attempt")[1]["step"] == stopped_at


def test_only_a_run_that_is_on_can_be_steered(tmp_path):
    run = distnet.run(JOB, inline=True, overrides=("train.steps=2",), runs=tmp_path)

    with pytest.raises(RunError, match="this run is finished; view it"):
        control.stop(run.folder, wait_s=None)
    run.folder.metrics.write_text("")
    with pytest.raises(RunError, match=r"no process trains this run.*run --resume"):
        control.resize(run.folder, 2, wait_s=None)


@pytest.mark.check
def test_a_step_that_kills_its_worker_again_and_again_is_reported_with_its_samples(
    tmp_path, ray_address
):
    (tmp_path / "net.py").write_text(
        """
import os, signal
from torch import nn


class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        super().__init__(nn.Flatten(), nn.Linear(784, num_outputs))
        self.calls = 0

    def forward(self, x):
        self.calls += self.training
        if self.calls > 25:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x)
"""
    )
    job = {"name": "poisoned", "network": {"kind": "./net.py:Net"}}
    job |= {"train": {"steps": 50, "slices": 1, "guard": "off"}}  # it would count more calls
    job |= {"retry": {"lost_worker": {"times": 9}}}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))

    with pytest.raises(PoisonStepError) as raised:
        distnet.run(tmp_path / "job.yaml", address=ray_address, runs=tmp_path, name="it")

    assert str(raised.value).startswith("step 26 failed 3 times in the same way")
    assert "slice 0: " in str(raised.value)
    ends = records(RunFolder(tmp_path / "it"), "end")
    assert [(end["failure"], end["step"]) for end in ends] == [("lost_worker", 25)] * 3


def test_a_spent_budget_says_what_it_was(tmp_path):
    (tmp_path / "net.py").write_text(
        """
from torch import nn


class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        super().__init__(nn.Flatten(), nn.Linear(784, num_outputs))
        self.left = Net.first = getattr(Net, "first", 10) + 1

    def forward(self, x):
        self.left -= self.training
        if not self.left:
            raise ValueError("a file that is not there today")
        return super().forward(x)
"""
    )
    job = {"name": "weak", "network": {"kind": "./net.py:Net"}, "train": {"steps": 50}}
    job |= {"retry": {"user_error": {"times": 1, "backoff": "10ms"}}}
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(job))

    with pytest.raises(TrainingError, match=r"failed 2 times .*\n?.*user_error\.times is 1"):
        distnet.run(tmp_path / "job.yaml", inline=True, runs=tmp_path, name="it")

    ends = records(RunFolder(tmp_path / "it"), "end")
    assert [end["failure"] for end in ends] == ["user_error"] * 2
    notes = [note["text"] for note in records(RunFolder(tmp_path / "it"), "note")]
    assert [text for text in notes if "retrying from step 0" in text]


def test_what_can_never_fit_is_refused_at_once_and_reported_in_the_records(tmp_path, ray_address):
    with pytest.raises(NotEnoughResourcesError, match="can hold 0 of 2 workers"):
        disturb(tmp_path, workers=2, address=ray_address, overrides=("resources.cpus=9",))

    (end,) = records(RunFolder(tmp_path / "it"), "end")
    assert "can hold 0 of 2 workers" in end["error"]
