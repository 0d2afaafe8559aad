"""The reporter against a server that is slow, goes away, forgets, or gives the attempt up."""

import math
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from distnet.agent import reporter as reporter_file
from distnet.agent.connection import Connection
from distnet.agent.log_lines import LogLines
from distnet.agent.progress import Progress
from distnet.agent.reporter import Reporter
from distnet.agent.run_control import RunControl
from distnet.agent.streams import Streams
from distnet.launch.placement import Placement
from distnet.launch.ports import free_port
from distnet.protocol.attempt import Exit, Instructions
from distnet.protocol.metrics import Headline
from distnet.protocol.states import AttemptEnd, Doing, StopReason
from distnet.run_folder.lock import held
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import stage_record
from distnet.run_folder.workers.heartbeat import Heartbeat, Stage
from tests.agent.fake_server import SECRET, FakeServer, serving

PLAN = '{"job_folder": ".", "precision": "fp32", "slices": 4}'
EXIT = Exit(end=AttemptEnd.FINISHED, step=10, result={"status": "finished"})
ATTEMPT = {"kind": "attempt", "attempt": 1, "workers": 2, "step": 0, "num_steps": 10}


class Attempt:
    """Everything of an attempt but its training."""

    def __init__(self, folder: RunFolder, url: str) -> None:
        folder.logs.mkdir(parents=True)
        folder.heartbeats.mkdir()
        self.folder, self.over = folder, threading.Event()
        self.placement = Placement({"a": 2, "b": 1})
        self.progress = Progress(folder, self.placement)
        self.control = RunControl(folder, self.placement)
        self.reporter = Reporter(
            Connection(url, SECRET),
            self.progress,
            Streams(folder, output=folder.path / "output.log", kept={}),
            self.control,
            every_s=0.02,
            end_at_once=self.over.set,
            give_up_s=30.0,
        )

    def train_with(self, *nodes: str) -> None:
        """Report a launcher's attempt whose workers are there."""
        for rank, node in enumerate(nodes):
            self.folder.node(rank).write_text(node)
        self.progress(ATTEMPT | {"workers": len(nodes)})


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(reporter_file, "LONGEST_WAIT_S", 0.1)


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def test_server_learns_where_training_is(folder):
    with serving(FakeServer()) as server:
        attempt = Attempt(folder, server.url)
        attempt.reporter.start()
        server.wait(lambda s: s.reports and not s.reports[-1].is_training)
        attempt.train_with("a", "a", "b")
        server.wait(lambda s: s.reports[-1].placement == {"a": 2, "b": 1})
        step = {"kind": "step", "step": 4, "loss": 0.5, "accuracy": float("nan")}
        attempt.progress(step | {"samples_per_second": 1e6, "gradient_norm": 1.0})
        attempt.progress({"kind": "checkpoint", "step": 3})
        server.wait(lambda s: s.reports[-1].saved_step == 3)
        assert attempt.reporter.finish(EXIT)

    last = server.reports[-1]
    assert last.is_training
    assert (last.step, last.num_steps) == (4, 10)
    assert last.progress.items() >= {"loss": 0.5, "samples_per_second": 1e6}.items()
    assert "gradient_norm" not in last.progress
    assert server.exit == EXIT


def test_nothing_is_lost_or_sent_twice_while_the_server_is_away(folder):
    first, second, port = FakeServer(), FakeServer(), free_port("127.0.0.1")
    attempt = Attempt(folder, f"http://127.0.0.1:{port}")
    attempt.reporter.start()
    log = folder.worker_log(0)
    log.write_text("before it came\n")
    with serving(first, port):
        first.wait(lambda s: "worker-0" in s.streams)
    log.open("a").write("while it was away\n")
    second.streams = dict(first.streams)  # the ledger outlives the process
    second.loses_responses = 3
    with serving(second, port):
        second.wait(lambda s: b"away" in s.streams["worker-0"])
        log.open("a").write("at the end\n")
        assert attempt.reporter.finish(EXIT)

    assert second.streams["worker-0"] == log.read_bytes()
    assert second.exit == EXIT


def test_the_exit_is_sent_again_until_it_is_acknowledged_after_all_logs(folder, monkeypatch):
    monkeypatch.setattr("distnet.agent.streams.PIECE_BYTES", 50)
    port = free_port("127.0.0.1")
    attempt = Attempt(folder, f"http://127.0.0.1:{port}")
    attempt.reporter.start()
    folder.worker_log(0).write_text("x" * 1000)
    heard: list[bool] = []
    ending = threading.Thread(target=lambda: heard.append(attempt.reporter.finish(EXIT)))
    ending.start()
    ready = FakeServer(loses_responses=2)
    with serving(ready, port):
        ending.join()

    assert heard == [True]
    assert ready.streams["worker-0"] == b"x" * 1000
    assert all(report.exit is None for report in ready.reports[:-1])
    assert ready.exit == EXIT


def test_sending_the_exit_is_given_up_in_the_end(folder):
    attempt = Attempt(folder, f"http://127.0.0.1:{free_port('127.0.0.1')}")
    attempt.reporter.give_up_s = 0.1
    attempt.reporter.start()

    assert not attempt.reporter.finish(EXIT)


@pytest.mark.parametrize("refusal", [(409, "stale_attempt"), (401, "unauthenticated")])
def test_an_attempt_that_the_server_has_ended_exits_at_once(folder, refusal):
    with serving(FakeServer(refusal=refusal)) as server:
        attempt = Attempt(folder, server.url)
        attempt.reporter.start()
        assert attempt.over.wait(30)
        assert not attempt.reporter.finish(EXIT)


@pytest.mark.parametrize("refusal", [(503, "unavailable"), (500, ""), (429, "too_many"), (409, "")])
def test_other_refusals_are_waited_out(folder, refusal):
    with serving(FakeServer(refusal=refusal)) as server:
        attempt = Attempt(folder, server.url)
        attempt.reporter.start()
        threading.Timer(0.3, setattr, (server, "refusal", None)).start()
        assert attempt.reporter.finish(EXIT)

    assert not attempt.over.is_set()
    assert server.exit == EXIT


def test_a_stop_is_requested_until_the_run_is_over(folder):
    with serving(
        FakeServer(instructions=lambda _: Instructions(stop=StopReason.PREEMPT))
    ) as server:
        attempt = Attempt(folder, server.url)
        attempt.reporter.start()
        server.wait(lambda s: folder.stop.exists() and len(s.reports) > 1)
        folder.stop.unlink()  # as the beginning of a resumed run does
        num = len(server.reports)
        server.wait(lambda s: len(s.reports) > num + 2)
        assert folder.stop.exists()
        attempt.control.is_over = True
        folder.stop.unlink()
        assert attempt.reporter.finish(EXIT)

    assert not folder.stop.exists()
    assert attempt.control.is_stop_requested


@pytest.mark.parametrize(
    ("wanted", "given", "placement"),
    [
        (2, {}, {"a": 2}),
        (1, {"b": 1}, {"b": 1}),
        (4, {"a": 2, "c": 2}, {"a": 2, "c": 2}),
        (4, {}, {}),
    ],
)
def test_a_resize_is_requested_once_the_workers_train(folder, wanted, given, placement):
    instructions = Instructions(workers=wanted, placement=given)
    with ExitStack() as stack:
        server = stack.enter_context(serving(FakeServer(instructions=lambda _: instructions)))
        attempt = Attempt(folder, server.url)
        folder.plan.write_text(PLAN)
        stack.enter_context(held(folder))
        attempt.reporter.start()
        server.wait(lambda s: len(s.reports) > 2)
        assert not folder.resize.exists()  # no worker trains yet
        attempt.train_with("a", "a", "b")
        server.wait(lambda _: folder.resize.exists())
        num = len(server.reports)
        server.wait(lambda s: len(s.reports) > num + 1)
        assert folder.resize.read_text().split() == [str(wanted)]
        assert dict(attempt.placement.nodes) == placement
        folder.resize.unlink()  # the launcher has taken it
        num = len(server.reports)
        server.wait(lambda s: len(s.reports) > num + 2)
        assert not folder.resize.exists()
        attempt.reporter.finish(EXIT)


def test_a_resize_that_fails_is_tried_again(folder):
    with serving(FakeServer(instructions=lambda _: Instructions(workers=9))) as server:
        attempt = Attempt(folder, server.url)
        folder.plan.write_text(PLAN)
        attempt.reporter.start()
        attempt.train_with("a", "a", "b")
        server.wait(lambda s: len(s.reports) > 5)
        assert attempt.reporter.finish(EXIT)

    assert not folder.resize.exists()
    assert dict(attempt.placement.nodes) == {"a": 2, "b": 1}


def test_reports_are_no_larger_than_the_server_takes(folder):
    with serving(FakeServer()) as server:
        attempt = Attempt(folder, server.url)
        folder.worker_log(0).write_bytes(b"\0" * 3_000_000)
        attempt.reporter.start()
        assert attempt.reporter.finish(EXIT)

    def size(report: Any) -> int:
        return len(report.model_dump_json())

    assert max(map(size, server.reports)) < 8_000_000
    assert server.streams["worker-0"] == b"\0" * 3_000_000


def test_the_pace_is_that_of_the_newest_workers_without_their_start_up(folder, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("distnet.agent.progress.time.monotonic", lambda: now[0])
    progress = Progress(folder, Placement({"a": 2}))

    def pace(at: float, step: int) -> float | None:
        now[0] = at
        progress({"kind": "step", "step": step})
        return progress.report().progress.get("seconds_per_step")

    folder.heartbeats.mkdir(parents=True)
    progress(ATTEMPT)
    assert pace(50.0, 1) is None
    assert pace(58.0, 5) == 2.0
    progress(ATTEMPT | {"attempt": 2, "workers": 1, "step": 5})
    assert pace(99.0, 6) == 2.0  # the newest that is known
    assert pace(107.0, 8) == 4.0


def test_a_node_whose_name_is_not_written_yet_is_not_reported(folder):
    folder.heartbeats.mkdir(parents=True)
    progress = Progress(folder, Placement({"a": 2}))
    progress(ATTEMPT)
    folder.node(0).write_text("a")
    folder.node(1).write_text("")
    assert progress.report().placement == {}

    folder.node(1).write_text("a")
    assert progress.report().placement == {"a": 2}


def test_a_report_that_cannot_be_made_is_made_later(folder, monkeypatch):
    with serving(FakeServer()) as server:
        attempt = Attempt(folder, server.url)
        looked = attempt.progress.report
        failures = iter([OSError(116, "Stale file handle"), ValueError("cut off")])

        def report():
            for failure in failures:
                raise failure
            return looked()

        monkeypatch.setattr(attempt.progress, "report", report)
        attempt.reporter.start()
        assert attempt.reporter.finish(EXIT)
    assert server.exit == EXIT


def test_server_learns_that_packages_are_installed_here_or_by_a_worker(folder):
    folder.heartbeats.mkdir(parents=True)
    log, limits = folder.worker_log(0), {"after_s": 60.0}
    with Heartbeat(folder.heartbeat(0), attempt=1, log=log, **limits) as earlier:
        earlier.at(Stage.INSTALLING)
        progress = Progress(folder, Placement({"a": 1}))
        assert progress.report().doing is None
    progress(stage_record("installing packages: timm"))
    assert progress.report().doing is Doing.INSTALLING

    with Heartbeat(folder.heartbeat(0), attempt=2, log=log, **limits) as worker:
        assert progress.report().doing is None
        worker.at(Stage.INSTALLING)
        assert progress.report().doing is Doing.INSTALLING
        worker.at(Stage.STARTING)
        progress(ATTEMPT | {"attempt": 2, "workers": 1})
        assert progress.report().doing is None
        assert not progress.report().is_training


MAE = {"name": "mae", "format": "number", "direction": "lower"}


def test_server_learns_the_metrics_of_the_last_evaluation(folder):
    folder.heartbeats.mkdir(parents=True)
    progress = Progress(folder, Placement({"a": 2}))
    progress(ATTEMPT | {"metrics": [MAE], "split": "test"})
    first = progress.report()
    progress({"kind": "step", "step": 2, "loss": 0.5, "mae": 3.0, "learning_rate": 0.1})
    progress({"kind": "epoch", "step": 2, "train": {"loss": 0.5, "mae": 3.0}})
    trained = progress.report()
    test = {"loss": 0.25, "mae": 2.0, "my metric": 1.0, "nan": math.nan, "is_good": True}
    progress({"kind": "epoch", "step": 4, "train": {"loss": 0.5, "mae": 3.0}, "test": test})
    evaluated = progress.report()
    progress({"kind": "epoch", "step": 6, "train": {"loss": 0.4, "mae": 2.5}})

    assert first.headline == Headline(name="mae", format="number", direction="lower")
    assert (first.split, first.metrics) == ("test", {})
    assert trained.metrics == {}
    assert trained.progress == {"loss": 0.5, "learning_rate": 0.1}
    assert list(evaluated.metrics.items()) == [("mae", 2.0), ("loss", 0.25)]
    assert progress.report().metrics == evaluated.metrics


def test_of_many_metrics_the_headline_is_among_those_that_are_reported(folder):
    folder.heartbeats.mkdir(parents=True)
    progress = Progress(folder, Placement({"a": 2}))
    progress(ATTEMPT | {"metrics": [MAE], "split": "test"})
    many = {f"m{at}": float(at) for at in range(100)}
    progress({"kind": "epoch", "step": 4, "test": many | {"mae": 2.0}})

    metrics = progress.report().metrics
    assert len(metrics) == 32
    assert metrics["mae"] == 2.0


def test_lines_of_the_log_show_every_declared_metric_in_its_format():
    line = LogLines()
    percent = {"name": "within_1", "format": "percent", "direction": "higher"}
    attempt = {"num_epochs": 2, "cause": "start", "metrics": [MAE, percent], "split": "test"}
    assert line(ATTEMPT | attempt) == "10 steps on 2 workers"
    train, test = {"loss": 0.5, "mae": 3.0}, {"loss": 0.25, "mae": 2.0, "within_1": 0.8765}
    epoch = {"kind": "epoch", "epoch": 1, "step": 5, "samples_per_second": 1234.5}

    assert line(epoch | {"train": train, "test": test}) == (
        "epoch 1/2  train loss 0.5  mae 3  test loss 0.25  mae 2  within_1 87.65%  1,234/s"
    )
