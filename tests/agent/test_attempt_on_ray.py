"""Attempts on a real Ray of a head and two nodes, instructed by a FakeServer."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import distnet
from distnet.protocol.attempt import AttemptConfig, Exit, Instructions, Report
from distnet.protocol.states import AttemptEnd, StopReason
from distnet.run_folder.lock import is_held
from distnet.run_folder.owner import Owner, read_owner
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.workers.heartbeat import read_heartbeats
from distnet.server.gateway.gateway import ProcessStatus, StartRequest
from distnet.server.gateway.ray_gateway import RayGateway
from distnet.spec.dump import dump_job
from distnet.spec.read import read_job
from tests.agent.fake_server import SECRET, FakeServer, serving
from tests.server.ray_head import RayHead, a_ray, host

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="nodes on other loopback addresses"),
]
JOB = Path(__file__).parents[2] / "jobs" / "digits.yaml"
STEPS = 5_000
SET = (f"train.steps={STEPS}", "checkpoint.every_steps=200", "evaluate.every_epochs=1000")
ENDLESS = "train.steps=1000000"
PATIENCE_S = 180.0


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayHead]:
    """A head without CPUs for workers, and two nodes with two each."""
    with a_ray(0, 2, 2) as head:
        yield head


class Story:
    """One job, whose attempts are begun one after the other."""

    def __init__(self, cluster: RayHead, server: FakeServer, runs: Path) -> None:
        self.cluster, self.server = cluster, server
        self.gateway = RayGateway(cluster.dashboard)
        self.runs, self.folder = runs, RunFolder(runs / "it")
        self.sets: tuple[str, ...] = SET
        self.nodes = {node.name: node.id for node in self.gateway.snapshot().nodes}
        self.kept: dict[str, bytes] = {}
        self.number = 0

    @property
    def has_ended(self) -> bool:
        """Whether Ray says that the attempt has ended."""
        return self.gateway.status(self.submission) is ProcessStatus.ENDED

    def begin(
        self, *workers: int, instructions: Callable[[Report], Instructions] | None = None
    ) -> None:
        """Begin an attempt with this many workers on node 1, node 2."""
        self.number += 1
        for name, data in self.server.streams.items():
            self.kept[name] = self.kept.get(name, b"") + data
        self.server.streams, self.server.reports = {}, []
        self.server.refusal = None
        self.server.instructions = instructions or (lambda _: Instructions())
        config = AttemptConfig(
            server_id="0123",
            job="it",
            attempt=self.number,
            spec=dump_job(read_job(JOB, overrides=self.sets).job.resolved()),
            code=None,
            placement=self.placement(*workers),
            runs=str(self.runs),
            start_from=None,
            report_every_s=0.1,
            kept={name: len(data) for name, data in self.kept.items()},
        )
        self.server.begin(config)
        self.gateway.start(StartRequest(self.submission, self.server.url, SECRET))

    @property
    def submission(self) -> str:
        return f"distnet-{self.runs.parent.name.replace('_', '-')}-{self.number}"

    def placement(self, *workers: int) -> dict[str, int]:
        found = {host(index): count for index, count in enumerate(workers, 1) if count}
        return {self.nodes[name]: count for name, count in found.items()}

    def wait(self, is_so: Callable[[Report], object], what: str) -> Report:
        end = time.monotonic() + PATIENCE_S
        while True:
            found = [report for report in list(self.server.reports) if is_so(report)]
            if found:
                return found[0]
            if time.monotonic() > end:
                log = self.gateway._client().get_job_logs(self.submission)
                run = self.server.streams.get("run", b"").decode()
                raise AssertionError(f"{what} did not come\n{log}\n{run}")
            time.sleep(0.05)

    def ended(self) -> Exit:
        found = self.wait(lambda report: report.exit, "the exit").exit
        assert found is not None
        return found

    def records(self, kind: str) -> list[dict[str, Any]]:
        lines = self.folder.metrics.read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["kind"] == kind]


@pytest.fixture
def story(cluster: RayHead, tmp_path: Path) -> Iterator[Story]:
    with serving(FakeServer()) as server:
        yield Story(cluster, server, tmp_path / "runs")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The hash of the run to which nothing happens."""
    runs = tmp_path_factory.mktemp("undisturbed")
    return str(distnet.run(JOB, inline=True, overrides=SET, runs=runs).result["weights_sha256"])


@pytest.mark.check
def test_a_job_is_placed_as_planned_stopped_and_continued_elsewhere(story, undisturbed):
    story.begin(2, 1)
    placed = story.wait(lambda r: r.is_training and (r.step or 0) > 400, "step 400")
    assert placed.placement == story.placement(2, 1)
    assert placed.num_steps == STEPS
    story.server.instructions = lambda _: Instructions(stop=StopReason.PREEMPT)
    stopped = story.ended()
    assert stopped.end is AttemptEnd.STOPPED
    assert not is_held(story.folder)
    assert read_owner(story.folder) == Owner("0123", "it")

    story.begin(0, 2)
    finished = story.ended()

    assert finished.end is AttemptEnd.FINISHED
    assert finished.result is not None
    assert finished.result["weights_sha256"] == undisturbed
    first, second = story.records("attempt")
    assert (first["workers"], second["workers"]) == (3, 2)
    assert second["step"] == stopped.step
    assert story.server.reports[-1].placement == story.placement(0, 2)
    used = story.server.reports[-1].used
    assert used is not None
    assert (used.first_step, used.first_step + used.num_steps) == (stopped.step, STEPS)
    assert used.cpu_s > 1.0  # two processes have imported torch
    assert 100_000_000 < used.peak_bytes < used.node_bytes
    for name in ("metrics", "worker-0", "worker-1", "worker-2"):
        path = story.folder.metrics if name == "metrics" else story.folder.logs / f"{name}.log"
        assert story.kept.get(name, b"") + story.server.streams.get(name, b"") == path.read_bytes()
    assert "finished" in story.server.streams["run"].decode()


@pytest.mark.soak
def test_a_killed_worker_costs_a_restart_and_a_killed_attempt_another_attempt(story, undisturbed):
    story.begin(1, 1)
    story.wait(lambda r: (r.step or 0) > 400, "step 400")
    sign = read_heartbeats(story.folder.heartbeats)[1]
    os.kill(sign.process, signal.SIGKILL)
    story.wait(lambda r: r.is_training and len(story.records("attempt")) == 2, "a new start")
    assert story.wait(lambda r: r is story.server.reports[-1], "") is not None
    story.wait(lambda r: r.placement == story.placement(1, 1), "the placement")

    driver = next(
        process
        for process in story.cluster.processes()
        if process.cmdline()[-1:] == ["distnet.agent"]
    )
    driver.kill()
    end = time.monotonic() + PATIENCE_S
    while not story.has_ended or is_held(story.folder):
        assert time.monotonic() < end
        time.sleep(0.1)

    story.begin(2, 0)
    finished = story.ended()
    assert finished.end is AttemptEnd.FINISHED
    assert finished.result is not None
    assert finished.result["weights_sha256"] == undisturbed
    assert [r["workers"] for r in story.records("attempt")] == [2, 2, 2]


@pytest.mark.soak
def test_an_attempt_is_resized_and_ends_when_its_node_is_gone(story, cluster):
    story.sets = (*SET, ENDLESS)
    story.begin(1, 0)
    story.wait(lambda r: r.is_training, "training")
    more = Instructions(workers=3, placement=story.placement(1, 2))
    story.server.instructions = lambda r: more if sum(r.placement.values()) != 3 else Instructions()
    story.wait(lambda r: r.placement == story.placement(1, 2) and r.is_training, "three workers")
    fewer = Instructions(workers=2)
    story.server.instructions = lambda r: (
        fewer if sum(r.placement.values()) != 2 else Instructions()
    )
    story.wait(lambda r: r.placement == story.placement(0, 2), "the same node twice")
    story.server.instructions = lambda _: Instructions()
    num = len(story.server.reports)
    story.wait(lambda r: r in story.server.reports[num + 5 :], "some reports")

    cluster.kill(2)
    try:
        ended = story.ended()
    finally:
        cluster.start(2, cpus=2)

    assert (ended.end, ended.failure) == (AttemptEnd.FAILED, "preemption")
    assert [r["workers"] for r in story.records("attempt")] == [1, 3, 2]
    ends = story.records("end")
    begins = story.records("attempt")
    assert [end["step"] for end in ends[:2]] == [begin["step"] for begin in begins[1:]]


@pytest.mark.soak
def test_an_attempt_that_the_server_has_ended_exits_at_once_with_its_workers(story):
    story.sets = (*SET, ENDLESS)
    story.begin(1, 1)
    story.wait(lambda r: (r.step or 0) > 100, "step 100")
    signs = read_heartbeats(story.folder.heartbeats)
    workers = [psutil.Process(sign.process) for sign in signs]

    story.server.refusal = (409, "stale_attempt")

    _, alive = psutil.wait_procs(workers, timeout=60)
    assert not alive
    end = time.monotonic() + PATIENCE_S
    while not story.has_ended or is_held(story.folder):
        assert time.monotonic() < end
        time.sleep(0.1)
    assert story.server.exit is None


@pytest.mark.soak
def test_a_drained_node_ends_an_attempt_with_no_step_lost(story, cluster):
    story.sets = (*SET, ENDLESS)
    story.begin(1, 1)
    story.wait(lambda r: (r.step or 0) > 100, "step 100")
    words = ["drain-node", "--address", cluster.address, "--node-id", story.nodes[host(2)]]
    words += ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "test"]
    cluster.ray(*words, "--deadline-remaining-seconds", "60")

    stopped = story.ended()

    assert stopped.end is AttemptEnd.STOPPED
    assert story.server.reports[-1].draining == (story.nodes[host(2)],)
    assert stopped.step == story.records("checkpoint")[-1]["step"]
    assert [record["status"] for record in story.records("end")] == ["stopped"]
