"""The folder of an attempt on its machine: gone afterwards, however the attempt ended."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from distnet.agent.scratch import scratch_folder

USE = """
from distnet.agent.scratch import scratch_folder
with scratch_folder() as folder:
    (folder / "output.log").write_text("half a li")
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files of its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def attempt() -> "subprocess.Popen[str]":
    """A process that uses a folder until the test ends it."""
    return subprocess.Popen(
        [sys.executable, "-c", USE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def folder_of(process: "subprocess.Popen[str]") -> Path:
    assert process.stdout is not None
    return Path(process.stdout.readline().strip())


def test_folder_is_gone_after_use(machine: Path):
    with scratch_folder() as folder:
        (folder / "output.log").write_text("a line")
        assert folder.parent == machine

    assert list(machine.iterdir()) == []


def test_next_attempt_removes_what_a_killed_one_left_and_nothing_else(machine: Path):
    with attempt() as killed, attempt() as alive:
        left, used = folder_of(killed), folder_of(alive)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert (left / "output.log").exists()

        with scratch_folder() as own:
            assert set(machine.iterdir()) == {own, used}

        assert (used / "output.log").exists()
        alive.communicate("\n", timeout=30)
    assert list(machine.iterdir()) == []
