"""`distnet exec` and `distnet stacks` as a person types them."""

import json

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer

OUTPUT = (
    b"{}\n"
    b'{"rank":0,"node":"10.0.0.1","text":"GPU 0: H100"}\n'
    b'{"rank":2,"node":"10.0.0.2","text":"no driver"}\n'
    b'{"rank":0,"node":"10.0.0.1","exit":0}\n'
    b'{"rank":2,"node":"10.0.0.2","exit":9}\n'
    b'{"exit":9}\n'
)


def test_each_line_has_the_worker_and_the_node_and_the_exit_code_is_that_of_the_program(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "exec-1"] = OUTPUT

    assert main(["exec", "digits-1", "--timeout", "5", "--", "nvidia-smi", "-L", "--json"]) == 9

    (program,) = queue.programs
    assert (program.argv, program.rank, program.timeout_s) == (
        ("nvidia-smi", "-L", "--json"),
        None,
        5,
    )
    assert capsys.readouterr().out.splitlines() == [
        "[0 10.0.0.1] GPU 0: H100",
        "[2 10.0.0.2] no driver",
        "[2 10.0.0.2] exit code 9",
    ]


def test_json_has_one_object_a_line(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    queue.logs["digits-1", "exec-1"] = OUTPUT.replace(b"9", b"0")

    assert main(["exec", "digits-1", "--json", "--rank", "2", "--", "hostname"]) == 0

    first, *_, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert first == {"job": "digits-1", "stream": "exec-1"}
    assert last == {"job": "digits-1", "stream": "exec-1", "exit": 0}
    assert queue.programs[0].rank == 2


def test_a_job_that_ends_before_the_program_says_so(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "exec-1"] = OUTPUT[:60]
    queue.complete.add("digits-1")

    assert main(["exec", "digits-1", "--", "hostname"]) == 2
    assert "digits-1 ended before the command did; its log: distnet logs digits-1 --stream" in (
        capsys.readouterr().err
    )


def test_a_program_is_needed(queue: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "digits-1"]) == 2
    assert "PROGRAM" in capsys.readouterr().err


def test_stacks_of_a_job_come_from_its_nodes(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    queue.logs["digits-1", "exec-1"] = (
        b'{"rank":1,"node":"10.0.0.2","text":"Thread 0x1 (most recent call first):"}\n{"exit":0}\n'
    )

    assert main(["stacks", "digits-1", "--server", queue.url]) == 0
    assert capsys.readouterr().out == "[1 10.0.0.2] Thread 0x1 (most recent call first):\n"
