"""Workers that hang are distinguished from those that wait for another."""

import time
from pathlib import Path

import pytest

from distnet.errors import HangError
from distnet.launch.hang_watch import HangWatch
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import Heartbeat, Stage

LIMIT_S = 0.2


def beat(folder: RunFolder, rank: int) -> Heartbeat:
    heartbeat = Heartbeat(
        folder.heartbeat(rank), attempt=1, after_s=LIMIT_S, log=folder.worker_log(rank)
    )
    heartbeat.begin(0)
    heartbeat.step(1)
    return heartbeat


def poll_forever(watch: HangWatch) -> None:
    while True:
        watch.poll()


def test_worker_that_waits_for_a_busy_one_does_not_hang_but_a_silent_one_does(
    tmp_path: Path,
) -> None:
    folder = RunFolder(tmp_path)
    with beat(folder, 0) as waiting, beat(folder, 1) as busy:
        watch = HangWatch(folder, 1, 2)
        waiting.at(Stage.SUMMING)
        began = time.monotonic()
        while time.monotonic() - began < 8 * LIMIT_S:
            busy.stay(Stage.EVALUATING)
            watch.poll()

        with pytest.raises(HangError, match=r"worker 1 hung .* evaluating in step 2"):
            poll_forever(watch)


def test_workers_wait_at_the_start_for_one_that_copies_the_dataset(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with beat(folder, 0) as waiting, beat(folder, 1) as copying:
        watch = HangWatch(folder, 1, 2)
        waiting.at(Stage.STARTING, limit_s=LIMIT_S)
        began = time.monotonic()
        while time.monotonic() - began < 8 * LIMIT_S:
            copying.at(Stage.STARTING, limit_s=LIMIT_S)
            watch.poll()

        with pytest.raises(HangError, match=r"worker \d hung .* starting in step 2"):
            poll_forever(watch)


def test_worker_that_has_ended_never_hangs(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with beat(folder, 0) as last:
        with beat(folder, 1):
            pass
        watch = HangWatch(folder, 1, 2)
        began = time.monotonic()
        while time.monotonic() - began < 8 * LIMIT_S:
            last.stay(Stage.SAVING)
            watch.poll()
