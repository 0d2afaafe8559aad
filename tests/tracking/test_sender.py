"""What a tracker gets of a run: everything once, whatever becomes of the tracker meanwhile."""

import json
from collections.abc import Sequence
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.trackers import Tracked, read_tracked, tracked_links
from distnet.tracking import sender
from distnet.tracking.points import read_run
from distnet.tracking.sender import Sender
from distnet.tracking.tracker import NotSetUpError, Point, TrackedRun

JOB = """
name: watched
network: {kind: mlp, hidden: [8, 4]}
env: {TOKEN: secret}
optimizer: {kind: sgd, learning_rate: 0.5}
"""
ATTEMPT = {"kind": "attempt", "attempt": 1, "step": 0, "time": 1000.0}
STEPS = [
    {"kind": "step", "step": n, "epoch": 1, "loss": 1.0 / n, "seconds": float(n)} for n in (1, 2)
]
EPOCH = {"kind": "epoch", "step": 2, "epoch": 1, "test": {"accuracy": 0.5}, "seconds": 2.5}
LOGGED = {"kind": "logged", "step": 2, "logged": {"largest": 3.0}}
END = {"kind": "end", "attempt": 1, "status": "finished", "step": 2}


class FakeTracker:
    """Stands for a server and its client; fails at chosen calls."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.points: list[Point] = []
        self.ended: list[str] = []
        self.fails: list[str] = []
        """The next calls that fail, by method."""
        self.answers = True

    def begin(self, run: TrackedRun, before: Tracked) -> Tracked:
        self._perhaps_fail("begin")
        self.begun.append(before.id)
        return Tracked(before.id or "r1", "http://there/r1", before.num_bytes)

    def is_up(self) -> bool:
        return self.answers

    def log(self, points: Sequence[Point]) -> None:
        self._perhaps_fail("log")
        self.points += points

    def end(self, status: str) -> None:
        self.ended.append(status)

    def _perhaps_fail(self, method: str) -> None:
        if self.fails[:1] == [method]:
            self.fails.pop(0)
            raise ConnectionError("nobody there\nat all")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    monkeypatch.setattr(sender, "EVERY_S", 0.0)
    (tmp_path / "job.yaml").write_text(JOB)
    (tmp_path / "plan.json").write_text('{"network": "mlp", "num_parameters": 12}')
    return RunFolder(tmp_path)


def append(folder: RunFolder, *records: dict[str, Any]) -> None:
    with folder.metrics.open("a") as file:
        file.writelines(f"{json.dumps(record)}\n" for record in records)


def send(folder: RunFolder, tracker: FakeTracker) -> tuple[bool, list[str]]:
    """Send all that is there, as after the end of a run."""
    said: list[str] = []
    is_over = Event()
    is_over.set()
    return Sender(folder, "fake", lambda: tracker, is_over, said.append).run(), said


def test_all_numbers_are_sent_once_and_the_next_attempt_continues_the_run(
    folder: RunFolder,
) -> None:
    tracker = FakeTracker()
    append(folder, ATTEMPT, *STEPS)
    with folder.metrics.open("a") as file:
        file.write('{"kind": "st')  # as after a crash
    first = send(folder, tracker)
    with folder.metrics.open("a") as file:
        file.write("\n")
    append(folder, EPOCH, LOGGED, END)
    second = send(folder, tracker)

    assert first == second == (True, ["fake: http://there/r1"])
    assert [(point.step, point.time, point.values) for point in tracker.points[:3]] == [
        (1, 1001.0, {"step/loss": 1.0}),
        (2, 1002.0, {"step/loss": 0.5}),
        (2, 1002.5, {"test/accuracy": 0.5}),
    ]
    assert tracker.points[3] == Point(2, 1002.5, {"logged/largest": 3.0})
    assert (tracker.begun, tracker.ended) == (["", "r1"], ["stopped", "finished"])
    assert tracked_links(folder) == {"fake": "http://there/r1"}


def test_a_tracker_that_is_down_gets_everything_later_and_is_mentioned_once(
    folder: RunFolder,
) -> None:
    tracker = FakeTracker()
    tracker.answers, tracker.fails = False, ["begin", "begin", "log", "log"]
    append(folder, ATTEMPT, *STEPS, END)

    sent, said = send(folder, tracker)

    assert sent
    assert len(tracker.points) == 2
    assert said == [
        "fake does not answer (nobody there); training goes on, and what it records is sent when "
        "it does",
        "fake: http://there/r1",
    ]


def test_one_that_stays_down_is_given_up_and_the_next_attempt_sends_the_rest(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "LAST_TRIES_S", -1.0)
    tracker = FakeTracker()
    tracker.answers, tracker.fails = False, ["log"]
    append(folder, ATTEMPT, *STEPS)

    assert send(folder, tracker)[0] is False
    assert read_tracked(folder, "fake") == Tracked("r1", "http://there/r1", 0)
    assert send(folder, tracker)[0] is True
    assert [point.step for point in tracker.points] == [1, 2]


def test_what_a_tracker_refuses_is_left_out(folder: RunFolder) -> None:
    tracker = FakeTracker()
    tracker.fails = ["log", "log"]
    append(folder, ATTEMPT, *STEPS)

    assert send(folder, tracker) == (
        True,
        [
            "fake: http://there/r1",
            "fake refuses some records, which are left out: nobody there",
        ],
    )


def test_one_that_is_not_set_up_is_not_tried_again(folder: RunFolder) -> None:
    def make() -> FakeTracker:
        raise NotSetUpError("set an address")

    with pytest.raises(NotSetUpError):
        Sender(folder, "fake", make, Event(), lambda _: None).run()


def test_parameters_are_the_keys_of_the_job_without_its_variables(folder: RunFolder) -> None:
    run = read_run(folder)

    assert (run.job, run.parameters["optimizer.learning_rate"]) == ("watched", "0.5")
    assert run.parameters["network.hidden"] == "[8, 4]"
    assert not any("secret" in text for text in (*run.parameters.values(), *run.facts.values()))
    assert run.facts["num_parameters"] == "12"
