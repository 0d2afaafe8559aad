"""What a trial leaves behind is found, listed by name, and removed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from distnet.chaos.family import Family
from distnet.chaos.remains import Remains


@pytest.fixture
def family():
    family = Family(f"tests-remains-{os.getpid()}")
    yield family
    family.end()


@pytest.fixture
def process(family):
    process = subprocess.Popen(
        [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"],
        env=os.environ | family.environment,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    family.add(process.pid)
    return process


def test_remains_are_none_where_all_has_ended(family, process):
    remains = Remains(family, None)
    process.kill()
    process.wait()

    assert remains.wait() == ()


def test_remains_name_a_process_and_end_it(family, process):
    remains = Remains(family, None)

    (left,) = remains.wait(0)
    remains.remove()

    assert f"process {process.pid} (" in left
    assert remains.wait() == ()


def test_remains_name_a_scratch_folder_of_the_trial_and_no_other(family, process):
    remains = Remains(family, None)
    process.kill()
    process.wait()
    mine = Path(tempfile.mkdtemp(prefix=f"distnet-{process.pid}-", dir="/tmp"))
    other = Path(tempfile.mkdtemp(prefix=f"distnet-{os.getpid()}-", dir="/tmp"))

    try:
        assert remains.wait(0) == (str(mine),)
        remains.remove()
        assert (mine.exists(), other.exists()) == (False, True)
    finally:
        other.rmdir()


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="shared memory is no folder here")
def test_remains_name_shared_memory_that_was_not_there_before(family):
    handle, before = tempfile.mkstemp(prefix="distnet-tests-", dir="/dev/shm")
    remains = Remains(family, None)
    other, since = tempfile.mkstemp(prefix="distnet-tests-", dir="/dev/shm")

    try:
        left = remains.wait(0)
        assert (since in left, before in left) == (True, False)
    finally:
        for opened, path in ((handle, before), (other, since)):
            os.close(opened)
            os.unlink(path)
