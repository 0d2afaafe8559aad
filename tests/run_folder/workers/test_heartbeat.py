"""Workers report where they are, and write their stacks to their logs."""

import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from distnet.errors import RunError
from distnet.launch.poison import samples_of_step
from distnet.run_folder.workers.heartbeat import Heartbeat, Stage, read_heartbeats
from distnet.spec.read import read_job_text
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.train import troubled
from tests.train.processes import run_workers
from tests.train.step.test_nonfinite import job_text, work_one
from tests.train.test_bits import MLP, assignment


def beat(folder: Path, rank: int = 0, attempt: int = 1, after_s: float = 60.0) -> Heartbeat:
    path = folder / "heartbeats" / f"worker-{rank}"
    return Heartbeat(path, attempt=attempt, after_s=after_s, log=folder / f"worker-{rank}.log")


def test_heartbeat_reports_steps_and_stages(tmp_path: Path) -> None:
    with beat(tmp_path) as heartbeat:
        [first] = read_heartbeats(tmp_path / "heartbeats")
        heartbeat.begin(7)
        heartbeat.step(8)
        heartbeat.at(Stage.SUMMING)
        [second] = read_heartbeats(tmp_path / "heartbeats")

    assert (first.stage, first.step, first.limit_s) == (Stage.STARTING, 0, 600.0)
    assert (second.stage, second.step, second.started_at) == (Stage.SUMMING, 8, 7)
    assert second.count > first.count


def test_first_step_ends_the_patience_of_the_start(tmp_path: Path) -> None:
    with beat(tmp_path, after_s=2.0) as heartbeat:
        heartbeat.begin(0)
        heartbeat.step(1)
        [sign] = read_heartbeats(tmp_path / "heartbeats")

    assert 2.0 <= sign.limit_s < 600.0


def test_limit_may_be_as_long_as_a_budget_without_end(tmp_path: Path) -> None:
    with beat(tmp_path) as heartbeat:
        heartbeat.at(Stage.SAVING, limit_s=1.3e11)
        [sign] = read_heartbeats(tmp_path / "heartbeats")

    assert sign.limit_s == pytest.approx(1.3e11)


def test_ended_worker_may_be_silent_for_ever_and_a_failed_one_stays_where_it_was(
    tmp_path: Path,
) -> None:
    with beat(tmp_path, 0):
        pass
    with suppress(ArithmeticError), beat(tmp_path, 1) as failing:
        failing.step(5)
        raise ArithmeticError

    ended, failed = read_heartbeats(tmp_path / "heartbeats")
    assert ended.stage is Stage.ENDED
    assert ended.limit_s > 1e9
    assert (failed.stage, failed.step) == (Stage.COMPUTING, 5)


def test_heartbeats_of_older_attempts_are_ignored(tmp_path: Path) -> None:
    for attempt, rank in ((1, 0), (1, 1), (2, 0)):
        with beat(tmp_path, rank, attempt):
            pass

    beats = read_heartbeats(tmp_path / "heartbeats")

    assert [(beat.attempt, beat.rank) for beat in beats] == [(2, 0)]


def test_heartbeat_refuses_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "heartbeats").touch()

    with pytest.raises(RunError, match="run folder"):
        beat(tmp_path)


def test_heartbeat_has_what_its_worker_has_used(tmp_path: Path) -> None:
    path = tmp_path / "heartbeats" / "worker-0"
    log = tmp_path / "worker-0.log"
    with Heartbeat(path, attempt=1, after_s=60.0, log=log, gpu_load=lambda: 0.5):
        [first] = read_heartbeats(tmp_path / "heartbeats")
        block, began = bytearray(first.use.peak_bytes + 100_000_000), time.process_time()
        while time.process_time() < began + 0.1:
            block[0] += 1 - block[0]
    [last] = read_heartbeats(tmp_path / "heartbeats")

    assert last.use.cpu_s >= first.use.cpu_s + 0.1
    assert last.use.peak_bytes > 100_000_000
    assert last.use.node_bytes > last.use.peak_bytes
    assert last.use.gpu_s is not None
    assert last.use.gpu_s >= 0.04


def test_hanging_worker_leaves_its_stacks_in_its_log_and_none_on_the_terminal(
    tmp_path: Path,
) -> None:
    hanging = f"""
import threading
from pathlib import Path
from distnet.spec.read import read_job_text
from distnet.run_folder.workers.heartbeat import Heartbeat
heartbeat = Heartbeat(Path({str(tmp_path)!r}) / "worker-0", attempt=1, after_s=0.1,
                      log=Path({str(tmp_path)!r}) / "logs" / "worker-0.log")
heartbeat.begin(0)
heartbeat.step(1)
def wait_for_ever():
    while "Timeout (" not in Path({str(tmp_path)!r}, "logs/worker-0.log").read_text():
        threading.Event().wait(0.01)
wait_for_ever()
"""
    ended = subprocess.run(
        [sys.executable, "-c", hanging], capture_output=True, text=True, check=True, timeout=60
    )

    assert "in wait_for_ever" in (tmp_path / "logs/worker-0.log").read_text()
    assert ended.stderr == ""


def test_work_leaves_a_heartbeat_for_every_worker(stripes: Path, tmp_path: Path) -> None:
    assigned = assignment(MLP.replace("epochs: 2", "steps: 5"), stripes, tmp_path / "run")

    run_workers(work_one, 2, tmp_path, assigned)

    beats = read_heartbeats(assigned.folder.heartbeats)
    assert [(s.rank, s.step, s.stage) for s in beats] == [(0, 5, Stage.ENDED), (1, 5, Stage.ENDED)]


def test_heartbeat_of_a_worker_that_raises_says_at_which_step(tmp_path: Path) -> None:
    text = job_text("stop", "Raising")
    plain = troubled.write_marked(tmp_path / "plain", [])
    [bad, *_] = samples_of_step(read_job_text(text).job, plain, 3)[0]
    data = troubled.write_marked(tmp_path / "data", [bad])
    assigned = assignment(text, data, tmp_path / "run")

    with pytest.raises(ArithmeticError):
        work(assigned, WorkerGroup())

    [sign] = read_heartbeats(assigned.folder.heartbeats)
    assert (sign.step, sign.stage) == (2, Stage.COMPUTING)
