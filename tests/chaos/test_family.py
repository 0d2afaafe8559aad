"""Processes are found by descent and by their mark, and no others."""

import os
import signal
import subprocess
import sys

import pytest

from distnet.chaos.family import MARK, Family
from distnet.launch.processes import is_alive, title_of

PARENT = "import subprocess, sys, time; {}; print('there', flush=True); time.sleep(600)"
CHILD = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], env={})"


@pytest.fixture
def family():
    family = Family(f"tests-{os.getpid()}")
    yield family
    family.end()
    assert family.alive() == []


def start(family: Family, code: str, **environment: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "there\n"
    return process


def test_family_knows_a_child_without_the_mark_after_its_parent_was_killed(family):
    process = start(family, PARENT.format(CHILD.format("{}")))
    family.add(process.pid)
    family.scan(now=True)

    process.kill()
    process.wait()

    (orphan,) = family.alive()
    assert "time.sleep(600)" in title_of(orphan)


def test_family_knows_a_marked_process_that_it_never_saw(family):
    process = start(family, PARENT.format("0"), **family.environment)

    assert [found.pid for found in family.alive()] == [process.pid]
    assert family.find(process.pid) is not None


def test_family_leaves_all_others_alone(family):
    other = start(family, PARENT.format("0"), **{MARK: "of another"})
    try:
        assert family.find(other.pid) is None
        family.end()
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_family_ends_a_stopped_process_too(family):
    start(family, PARENT.format("0"), **family.environment)
    (found,) = family.titled("time.sleep(600)")
    found.send_signal(signal.SIGSTOP)

    family.end()

    assert not is_alive(found)
