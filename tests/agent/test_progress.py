"""The reports of an attempt: what its records and the heartbeats of its workers say."""

from pathlib import Path
from typing import Any

import pytest

from distnet.agent.progress import Progress
from distnet.launch.placement import Placement
from distnet.run_folder.heartbeat import Heartbeat
from distnet.run_folder.paths import RunFolder


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def worker(folder: RunFolder, rank: int, launch: int) -> Heartbeat:
    log = folder.worker_log(rank)
    return Heartbeat(folder.heartbeat(rank), attempt=launch, after_s=60.0, log=log)


def begins(progress: Progress, launch: int, step: int) -> None:
    record: dict[str, Any] = {"kind": "attempt", "attempt": launch, "workers": 2}
    progress(record | {"step": step, "num_steps": 100, "split": "test"})


def test_a_report_has_what_the_workers_have_used(folder: RunFolder) -> None:
    progress = Progress(folder, Placement({"node-a": 2}))
    assert progress.report().used is None

    with worker(folder, 0, 1) as first, worker(folder, 1, 1) as second:
        begins(progress, 1, 10)
        for heartbeat in (first, second):
            heartbeat.begin(10)
            heartbeat.step(30)
        used = progress.report().used
    assert used is not None
    assert used.cpu_s > 0  # two workers are one process here
    assert (used.first_step, used.num_steps) == (10, 20)
    assert 0 < used.peak_bytes < used.node_bytes
    assert used.gpu_s is None

    with worker(folder, 0, 2) as again:
        begins(progress, 2, 25)
        again.begin(25)
        again.step(40)
        later = progress.report().used
    assert later is not None
    assert later.cpu_s > used.cpu_s
    assert (later.first_step, later.num_steps) == (10, 35)
