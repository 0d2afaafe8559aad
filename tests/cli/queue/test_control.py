"""`distnet cancel`, `hold`, `release`, `retry` and `priority` as a person types them."""

import json

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer


@pytest.mark.parametrize(
    ("verb", "job", "state"),
    [
        ("cancel", "digits-2", "cancelled"),
        ("hold", "digits-2", "held"),
        ("release", "digits-2", "waiting"),
        ("retry", "old-1", "waiting"),
    ],
)
def test_a_command_changes_the_state_of_a_job(
    verb: str, job: str, state: str, queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, job, "--json"]) == 0

    assert [answer["state"] for answer in json.loads(capsys.readouterr().out)] == [state]
    assert queue.jobs[job].state == state


def test_a_job_that_refuses_a_command_does_not_keep_it_from_the_others(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cancel", "absent", "old-1", "digits-2", "digits-3"]) == 2

    printed = capsys.readouterr()
    assert "no job absent" in printed.err
    assert "old-1 is failed" in printed.err
    assert printed.out.count("is cancelled by ada\n") == 2


def test_the_priority_may_be_negative(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["priority", "digits-2", "-5"]) == 0
    assert capsys.readouterr().out == "digits-2 has priority -5\n"
    assert main(["priority", "digits-2", "5000"]) == 2
