"""A node that sees neither the run folder nor the dataset: both are hidden from it by a mount."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import distnet
from distnet.chaos.nodes import HEAD, SECOND
from distnet.data.shipped import find_dataset
from distnet.errors import INTERRUPTED_EXIT_CODE
from distnet.launch.processes import title_of
from distnet.launch.ray.node import NodeOptions, RayNode
from distnet.report.audit import audit_run
from distnet.run_folder.control import stop
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import read_heartbeats
from tests.needs import NAMESPACES

pytestmark = [
    pytest.mark.ray,
    pytest.mark.check,
    pytest.mark.skipif(
        sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None,
        reason=str(NAMESPACES),
    ),
]

ROOT = Path(__file__).parents[4]
JOB = ROOT / "jobs" / "digits.yaml"
HIDE = 'mount -t tmpfs none "$0" && exec "$@"'
LIMIT_S = 240.0
STEPS = 1_000
NET = """
from torch import distributed, nn

class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        super().__init__(nn.Flatten(), nn.Linear(784, num_outputs))
    def forward(self, x):
        if distributed.is_initialized():
            raise ValueError("not while training")
        return super().forward(x)
"""


@dataclass(frozen=True)
class Cluster:
    """A head without workers, and a node that does not see the folder `hidden`."""

    head: RayNode
    hidden: Path
    cache: Path
    """Of datasets, on the node."""
    scratch: Path
    """The temporary folder of the node."""

    @property
    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("RAY_")}
        return {**kept, **self.head.options.credentials}

    def command(self, name: str, steps: int, job: Path) -> list[str]:
        sets = (
            f"data.source={self.hidden / 'digits'}",
            f"train.steps={steps}",
            "checkpoint.every_steps=100",
            "evaluate.every_epochs=1000",
        )
        command = [sys.executable, "-m", "distnet.cli", "run", str(job)]
        command += ["--runs", str(self.hidden / "runs"), "--name", name, "--json"]
        return command + [word for each in sets for word in ("--set", each)]

    def start(self, name: str, steps: int = STEPS, job: Path = JOB) -> "Driver":
        process = subprocess.Popen(
            [*self.command(name, steps, job), "--address", self.head.address],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        return Driver(process, RunFolder(self.hidden / "runs" / name))

    def relays(self) -> list[psutil.Process]:
        return [each for each in self.head.processes() if "Relay" in title_of(each)]


@dataclass(frozen=True)
class Driver:
    """A run from the command line, and its folder."""

    process: "subprocess.Popen[str]"
    folder: RunFolder

    def records(self) -> list[dict[str, Any]]:
        if not self.folder.metrics.is_file():
            return []
        lines = self.folder.metrics.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait(self, is_there: Callable[[dict[str, Any]], bool], what: str) -> None:
        deadline = time.monotonic() + LIMIT_S
        while not any(map(is_there, self.records())):
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, f"waited {LIMIT_S:.0f} s for {what}"
            time.sleep(0.05)

    def result(self, exit_code: int = 0) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=LIMIT_S)
        assert self.process.returncode == exit_code, err
        return dict(json.loads(out))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    base = tmp_path_factory.mktemp("nodes")
    hidden, cache, scratch = (base / name for name in ("hidden", "cache", "scratch"))
    shutil.copytree(find_dataset("mnist", folder=base), hidden / "digits")
    scratch.mkdir()
    folder = Path(tempfile.mkdtemp(prefix="distnet-tests-", dir="/tmp"))
    own = {"PYTHONPATH": str(ROOT)}
    head = RayNode(NodeOptions(HEAD, folder, 0, environment=own))
    options = NodeOptions(
        SECOND,
        folder,
        2,
        head=head.address,
        environment={**own, "DISTNET_CACHE_DIR": str(cache), "TMPDIR": str(scratch)},
        prefix=("unshare", "--mount", "sh", "-c", HIDE, str(hidden)),
    )
    second = RayNode(options)
    try:
        for node in (head, second):
            node.start()
            node.wait()
        yield Cluster(head, hidden, cache / "datasets", scratch)
    finally:
        second.end()
        head.end()
        shutil.rmtree(folder, ignore_errors=True)


def test_workers_that_share_no_folder_reach_the_same_weights_though_one_is_killed(
    cluster: Cluster, tmp_path: Path
) -> None:
    run = cluster.start("killed")
    run.wait(lambda r: r["kind"] == "checkpoint" and r["step"] >= 100, "a checkpoint")
    first = read_heartbeats(run.folder.heartbeats)[0]
    psutil.Process(first.process).kill()

    result = run.result()

    expected = distnet.run(
        JOB,
        inline=True,
        overrides=[f"train.steps={STEPS}", "evaluate.every_epochs=1000"],
        runs=tmp_path,
    )
    assert result["weights_sha256"] == expected.result["weights_sha256"]
    assert result["metrics"] == expected.metrics
    attempts = [record for record in run.records() if record["kind"] == "attempt"]
    assert [each["cause"] for each in attempts] == ["start", "lost_worker"]
    assert attempts[1]["step"] >= 100
    assert audit_run(run.folder).faults == []
    notes = [record["text"] for record in run.records() if record["kind"] == "note"]
    assert [note for note in notes if "copying" in note] == [
        "copying dataset mnist (11.6 MB) to 1 node"
    ]
    for rank in range(2):
        assert run.folder.worker_log(rank).read_text().count(f"worker {rank} of 2 on") == 2
    assert {path.name for path in run.folder.path.iterdir()} >= {"evaluation.json", "pictures.npz"}
    # An event file begins late; the attempt that was killed may have none.
    assert len(list(run.folder.tensorboard.iterdir())) in (1, 2)
    assert len([path for path in cluster.cache.iterdir() if path.is_dir()]) == 1
    assert list(cluster.scratch.glob("distnet-worker-*")) == []
    psutil.wait_procs(cluster.relays(), timeout=20)
    assert cluster.relays() == []


def test_a_request_to_stop_reaches_workers_that_share_no_folder(cluster: Cluster) -> None:
    run = cluster.start("stopped", steps=60 * STEPS)
    run.wait(lambda record: record["kind"] == "step" and record["step"] >= 100, "a step")

    stopped = stop(run.folder, wait_s=LIMIT_S)

    assert stopped["status"] == "stopped"
    assert run.result(INTERRUPTED_EXIT_CODE)["status"] == "stopped"
    saved = [record["step"] for record in run.records() if record["kind"] == "checkpoint"]
    assert saved[-1] == stopped["step"]
    assert (run.folder.checkpoints / f"step-{saved[-1]:08d}" / "manifest.json").is_file()


def test_own_code_comes_along_and_its_error_names_the_log_in_the_run_folder(
    cluster: Cluster,
) -> None:
    own = cluster.hidden / "own"
    own.mkdir()
    (own / "mynet.py").write_text(NET)
    job = yaml.safe_load(JOB.read_text()) | {"network": {"kind": "./mynet.py:Net"}}
    (own / "job.yaml").write_text(yaml.safe_dump(job))
    run = cluster.start("broken", job=own / "job.yaml")

    _, err = run.process.communicate(timeout=LIMIT_S)

    assert run.process.returncode == 3
    assert "ValueError: not while training (at mynet.py:9, in forward)" in err
    assert str(run.folder.logs) in err
    logs = [path.read_text() for path in sorted(run.folder.logs.iterdir())]
    assert "not while training" in "".join(logs)
    assert list(cluster.scratch.glob("distnet-worker-*")) == []
