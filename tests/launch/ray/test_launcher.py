import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from distnet.errors import (
    DataError,
    NotEnoughResourcesError,
    RunError,
    TrainingError,
    WorkerFailedError,
)
from distnet.launch.ray.controller import interface_of
from distnet.run_folder.assignment import Assignment
from tests.launch import ray_work
from tests.launch.ray_work import train_on_ray

pytestmark = pytest.mark.ray


@pytest.fixture
def assignment(tmp_path) -> Assignment:
    run = tmp_path / "run"
    (run / "logs").mkdir(parents=True)
    return Assignment(job={}, job_folder=str(tmp_path), dataset="", run=str(run), launch="ray")


def scratch_folders(pid: int) -> list[Path]:
    return list(Path("/tmp").glob(f"distnet-{pid}-*"))


def test_train_on_ray_gives_what_rank_0_returned_and_leaves_nothing(assignment):
    before = set(psutil.Process().children(recursive=True)), dict(os.environ)
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    outcome = train_on_ray(assignment, workers=3)

    groups = outcome["groups"]
    assert [group["rank"] for group in groups] == [0, 1, 2]
    assert [group["local_rank"] for group in groups] == [0, 1, 2]
    assert {group["size"] for group in groups} == {group["local_size"] for group in groups} == {3}
    assert {host for group in groups for host in group["hosts"]} == {groups[0]["hosts"][0]}
    assert {group["device"] for group in groups} == {"cpu"}
    assert outcome["total"] == 1 + 2 + 3
    assert outcome["interfaces"] == [interface_of("127.0.0.1")] * 3
    assert outcome["threads"] == 2  # Ray's OMP_NUM_THREADS=1 gives way to torch's own setting
    assert before == (set(psutil.Process().children(recursive=True)), dict(os.environ))
    assert scratch_folders(os.getpid()) == []
    assert handlers == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    for rank in range(3):
        log = assignment.folder.worker_log(rank).read_text()
        assert f"rank {rank} prints\n" in log
        assert "and its child\n" in log


@pytest.mark.check
def test_train_on_ray_uses_one_that_runs_already(assignment, ray_address, capfd):
    outcome = train_on_ray(assignment, workers=1, cpus=4, address=ray_address)

    assert outcome["total"] == 1
    assert outcome["groups"][0]["size"] == 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.check
def test_train_on_ray_shows_the_line_of_the_users_mistake(assignment, ray_address):
    with pytest.raises(TrainingError) as raised:
        train_on_ray(assignment, workers=2, address=ray_address, function=ray_work.raise_own_error)

    log = assignment.folder.worker_log(1)
    assert "worker 1 failed: ValueError: the shapes" in str(raised.value)
    assert "ray_work.py:" in str(raised.value)
    assert str(log) in str(raised.value)
    assert "Traceback" not in str(raised.value)
    assert "Traceback" in log.read_text()


@pytest.mark.check
def test_train_on_ray_raises_what_a_worker_raised_on_purpose(assignment, ray_address):
    with pytest.raises(DataError, match=r"^train-00000.parquet: damaged$"):
        train_on_ray(
            assignment, workers=2, address=ray_address, function=ray_work.raise_known_error
        )


@pytest.mark.check
def test_train_on_ray_names_the_first_cause_when_others_fail_of_it(assignment, ray_address):
    with pytest.raises(TrainingError, match=r"worker 1 failed: ValueError: the first cause"):
        train_on_ray(assignment, workers=2, address=ray_address, function=ray_work.lose_peer)

    assert "RuntimeError" in assignment.folder.worker_log(0).read_text()


@pytest.mark.check
def test_train_on_ray_names_a_killed_worker_and_its_last_words(assignment, ray_address):
    with pytest.raises(WorkerFailedError) as raised:
        train_on_ray(assignment, workers=2, address=ray_address, function=ray_work.be_killed)

    assert "worker 1 on node 127.0.0.1" in str(raised.value)
    assert "was killed" in str(raised.value)
    assert "    my last words" in str(raised.value)


@pytest.mark.check
def test_train_on_ray_reports_that_a_worker_left_early(assignment, ray_address):
    with pytest.raises(TrainingError, match="worker 0 failed: SystemExit: enough"):
        train_on_ray(assignment, workers=1, address=ray_address, function=ray_work.exit_early)


@pytest.mark.check
def test_train_on_ray_reports_that_the_run_folder_is_gone(assignment, ray_address):
    assignment.folder.logs.rmdir()
    assignment.folder.path.rmdir()

    with pytest.raises(RunError, match=r"run: the run folder is gone; restore it"):
        train_on_ray(assignment, workers=1, address=ray_address)


@pytest.mark.parametrize(("workers", "cpus", "capacity"), [(5, 1, 4), (2, 3, 1), (1, 5, 0)])
def test_train_on_ray_says_what_a_too_small_cluster_has(
    assignment, ray_address, workers, cpus, capacity
):
    with pytest.raises(NotEnoughResourcesError) as raised:
        train_on_ray(assignment, workers=workers, cpus=cpus, address=ray_address)

    assert f"can hold {capacity} of {workers} workers" in str(raised.value)
    assert "127.0.0.1: 4 CPUs, 0 GPUs" in str(raised.value)


def test_train_on_ray_says_that_a_cluster_has_no_gpus(assignment, ray_address):
    with pytest.raises(NotEnoughResourcesError, match="can hold 0 of 2 workers"):
        train_on_ray(assignment, workers=2, gpus=1, address=ray_address)


def test_train_on_ray_asks_for_no_more_gpus_than_this_machine_has(assignment):
    wanted = torch.cuda.device_count() + 1

    with pytest.raises(
        NotEnoughResourcesError, match=f"found .* on this machine.*, expected {wanted}"
    ):
        train_on_ray(assignment, workers=wanted, gpus=1)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "nonsense", "ray://127.0.0.1:10001"])
def test_train_on_ray_says_that_nobody_answers(assignment, address):
    with pytest.raises(NotEnoughResourcesError, match=address):
        train_on_ray(assignment, workers=1, address=address)


DRIVER = """
import sys
from distnet.run_folder.assignment import Assignment
from tests.launch import ray_work
from tests.launch.ray_work import train_on_ray
assignment = Assignment(job={}, job_folder="", dataset="", run=sys.argv[1])
function = getattr(ray_work, sys.argv[2])
try:
    print(train_on_ray(assignment, workers=2, function=function))
except KeyboardInterrupt:
    sys.exit(130)
"""


class Driver:
    """A process that trains on a Ray of its own, in a process group as a shell makes them."""

    def __init__(self, assignment: Assignment, function: str) -> None:
        command = [sys.executable, "-c", DRIVER, assignment.run, function]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            cwd=Path(__file__).parents[3],
        )
        steps = assignment.folder.path / "steps"
        while not steps.exists() and self.process.poll() is None:
            time.sleep(0.05)
        self.family = psutil.Process(self.process.pid).children(recursive=True)

    def press_ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out, err

    def left_over(self) -> list[psutil.Process]:
        return [process for process in self.family if process.is_running()]


@pytest.mark.check
def test_ctrl_c_once_lets_the_workers_stop_by_themselves(assignment):
    driver = Driver(assignment, "train_until_stopped")

    driver.press_ctrl_c()

    code, out, err = driver.end()
    assert (code, "'status': 'stopped'" in out) == (0, True), err
    assert err.startswith("stopping after this step")
    assert driver.family
    assert driver.left_over() == []
    assert scratch_folders(driver.process.pid) == []


@pytest.mark.check
def test_ctrl_c_twice_ends_everything_at_once(assignment):
    driver = Driver(assignment, "train_forever")

    driver.press_ctrl_c()
    while not assignment.folder.stop.exists():
        time.sleep(0.05)
    driver.press_ctrl_c()

    code, out, err = driver.end()
    assert (code, out) == (130, ""), err
    assert "Traceback" not in err
    assert driver.family
    assert driver.left_over() == []
    assert scratch_folders(driver.process.pid) == []


@pytest.mark.check
def test_a_killed_driver_takes_its_ray_with_it(assignment):
    driver = Driver(assignment, "train_forever")

    workers = [process for process in driver.family if process.name().startswith("ray::RayTrain")]
    assert len(workers) == 2

    driver.process.kill()
    driver.end()

    _, alive = psutil.wait_procs(driver.family, timeout=60)
    assert alive == []
    deadline = time.monotonic() + 60
    while scratch_folders(driver.process.pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert scratch_folders(driver.process.pid) == []
