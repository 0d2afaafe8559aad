"""The parts of a node are started again when they end."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from distnet.cluster.node.supervisor import Supervisor, Watched
from distnet.cluster.node.unit import unit_name, unit_text
from tests.needs import Need


@dataclass
class FakePart:
    """A part whose end and readiness the test decides."""

    name: str = "ray"
    pid: int | None = 1
    is_running: bool = False
    is_up: bool = False
    calls: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.is_running = True
        self.calls.append("start")

    def end_message(self) -> str:
        return "the raylet was killed"

    def end(self) -> None:
        self.is_running = self.is_up = False
        self.calls.append("end")


def test_part_that_ends_is_started_again_after_a_delay():
    part, lines = FakePart(), []
    watched = Watched(part, lines.append)

    watched.step()
    part.is_up = True
    watched.step()
    assert watched.state.is_up
    part.is_running = False
    watched.step()
    assert watched.state.error == "the raylet was killed"
    assert not watched.state.is_up
    watched.step()  # not yet

    assert part.calls == ["start", "end"]
    assert watched.state.num_restarts == 1
    assert lines == ["ray is up", "ray: the raylet was killed; starting it again in 1 s"]


def test_supervisor_writes_its_state_and_ends_all_on_sigterm(tmp_path):
    ray, server = FakePart("ray", is_up=True), FakePart("server", is_up=True)
    file, seen = tmp_path / "state.json", []

    def log(line: str) -> None:
        if line == "server is up":
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        supervisor = Supervisor([ray, server], file, "v1", log)
        watcher = threading.Thread(target=lambda: seen.append(wait_for(file)))
        watcher.start()
        supervisor.run()
        watcher.join()
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    assert (seen[0]["version"], seen[0]["pid"]) == ("v1", os.getpid())
    assert ray.calls == server.calls == ["start", "end"]
    assert not file.exists()


def wait_for(file: Path) -> dict[str, object]:
    """The state once both parts are up."""
    while True:
        try:
            state = json.loads(file.read_text())
        except FileNotFoundError:
            continue
        if state["ray"]["is_up"] and state["server"]["is_up"]:
            return state


SYSTEMD = Need("systemd-analyze", "on Debian: apt-get install systemd")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason=str(SYSTEMD))
def test_unit_is_one_that_systemd_takes(tmp_path):
    folder = tmp_path / "a folder" / "100%"
    folder.mkdir(parents=True)
    name = unit_name("lab")
    text = unit_text("lab", [sys.executable, "-m", "x", str(folder), "$HOME"], "m-1", str(folder))
    (tmp_path / name).write_text(text)

    verified = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(tmp_path / name)],
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    own = [line for line in verified.stderr.splitlines() if name in line]
    assert own == [], verified.stderr
