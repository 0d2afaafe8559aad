"""The stacks of a worker's threads, written on a signal."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.launch.stacks import live_workers, read_stacks, signal_worker
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import Beat, Stage, read_heartbeats
from distnet.run_folder.workers.worker_use import WorkerUse

WORKER = """
import sys, time
from pathlib import Path
from distnet.run_folder.workers.heartbeat import Heartbeat
from distnet.run_folder.paths import RunFolder

def stuck_in_a_library():
    while True:
        time.sleep(60)

folder = RunFolder(Path(sys.argv[1]))
with Heartbeat(folder.heartbeat(0), attempt=1, after_s=60, log=folder.worker_log(0)):
    folder.worker_log(0).open("a").write("printed before\\n")
    stuck_in_a_library()
"""


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[RunFolder]:
    """The run folder of a worker in a process of its own."""
    process = subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)])
    folder, end = RunFolder(tmp_path), time.monotonic() + 60
    while "printed" not in _log(folder):
        assert process.poll() is None
        assert time.monotonic() < end, "the worker did not begin"
        time.sleep(0.02)
    yield folder
    process.kill()
    process.wait()


def test_a_worker_writes_its_stacks_and_goes_on(worker: RunFolder) -> None:
    beats = live_workers(worker)

    first = read_stacks(worker, beats, lambda beat: signal_worker(worker, beat))
    again = read_stacks(worker, beats, lambda beat: signal_worker(worker, beat))

    for found in (first, again):
        assert "in stuck_in_a_library" in found[0]
        assert found[0].startswith(("Thread 0x", "Current thread 0x"))


def test_no_other_process_is_signalled(tmp_path: Path) -> None:
    other = subprocess.Popen(["sleep", "60"])
    try:
        beats = [
            Beat(0, 1, other.pid, 3, Stage.COMPUTING, 1, 60.0, 0, WorkerUse()),
            Beat(1, 1, 2**22 + 1, 3, Stage.COMPUTING, 1, 60.0, 0, WorkerUse()),
        ]
        folder = RunFolder(tmp_path)
        found = read_stacks(folder, beats, lambda beat: signal_worker(folder, beat))
        assert found[0] == f"process {other.pid} of this machine is not worker 0"
        assert "found no process" in found[1]
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert read_heartbeats(folder.heartbeats) == []


def _log(folder: RunFolder) -> str:
    log = folder.worker_log(0)
    return log.read_text() if log.is_file() else ""
