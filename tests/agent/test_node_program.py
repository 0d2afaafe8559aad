"""A program on a node: its lines, its exit code, its limits, its environment."""

import os
import sys
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from distnet.agent import node_program
from distnet.agent.node_program import Program, run_program


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(("true",), {}, (), tmp_path, tmp_path, 60.0)


def test_lines_and_the_exit_code_come_as_they_are(program: Program, tmp_path: Path) -> None:
    shell = ("sh", "-c", "echo one; echo two >&2; pwd; exit 3")

    assert list(run_program(replace(program, argv=shell))) == ["one", "two", str(tmp_path), 3]


def test_arguments_reach_no_shell(program: Program) -> None:
    words = ("printf", "%s\n", "$(id); rm -rf *", "a b")

    assert list(run_program(replace(program, argv=words))) == ["$(id); rm -rf *", "a b", 0]


@pytest.mark.parametrize(
    ("name", "code", "text"), [("no-such-program", 127, "No such file"), ("/", 126, "Permission")]
)
def test_what_cannot_be_run_says_so(program: Program, name: str, code: int, text: str) -> None:
    line, found = run_program(replace(program, argv=(name,)))

    assert found == code
    assert text in str(line)


def test_it_has_the_variables_of_the_job_but_not_the_secret_of_the_attempt(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISTNET_ATTEMPT_SECRET", "hush")
    argv = ("sh", "-c", "echo $LEVEL; echo ${DISTNET_ATTEMPT_SECRET-none}; command -v python")
    level, secret, python, code = run_program(replace(program, argv=argv, variables={"LEVEL": "3"}))

    assert (level, secret, code) == ("3", "none", 0)
    assert os.path.dirname(str(python)) == os.path.dirname(sys.executable)


def test_one_that_takes_too_long_is_killed_with_its_children(program: Program) -> None:
    argv = ("sh", "-c", "sleep 600 & echo $!; wait")
    child, why, code = run_program(replace(program, argv=argv, timeout_s=0.5))

    assert (why, code) == ("killed after 0.5 s (--timeout)", 124)
    end = time.monotonic() + 10
    while psutil.pid_exists(int(child)) and psutil.Process(int(child)).status() != "zombie":
        assert time.monotonic() < end, "the child is still there"
        time.sleep(0.02)


def test_one_that_prints_endlessly_is_cut(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node_program, "MOST_BYTES", 1000)
    *lines, why, code = run_program(replace(program, argv=("yes",)))

    assert code == 141
    assert "has printed more than" in str(why)
    assert len(lines) == 500


def test_one_that_is_killed_has_the_code_that_shells_give(program: Program) -> None:
    assert list(run_program(replace(program, argv=("sh", "-c", "kill -9 $$")))) == [137]
