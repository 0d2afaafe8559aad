"""`distnet why` as a person types it."""

import json

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer


def test_why_says_what_a_job_waits_for(
    queue: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["why", "digits-2"]) == 0

    printed = capsys.readouterr().out
    assert "digits-2 is number 3 in the queue, waiting: 2 workers" in printed
    for words in ("digits-1, digits-2", "big-1", "give or take 90 s", "2 free CPUs"):
        assert words in printed
    assert main(["why", "digits-2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["holders"] == ["big-1"]
    assert main(["why", "absent"]) == 2
