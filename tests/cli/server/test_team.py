"""`distnet team` as a person types it."""

import json

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer


def test_options_left_out_do_not_change_a_team(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["team", "set", "vision", "--quota-cpus", "16", "--limit-gpus", "8"]) == 0
    assert main(["team", "set", "vision", "--weight", "2", "--limit-gpus", "none"]) == 0
    capsys.readouterr()

    assert main(["team", "list", "--json"]) == 0
    [team] = json.loads(capsys.readouterr().out)
    assert team == {
        "name": "vision",
        "weight": 2.0,
        "quota_cpus": 16.0,
        "quota_gpus": None,
        "limit_cpus": None,
        "limit_gpus": None,
    }
    assert main(["team", "list"]) == 0
    assert "vision" in capsys.readouterr().out
    assert main(["team", "set", "vision", "--quota-cpus", "many"]) == 2
    assert "--quota-cpus: found 'many'" in capsys.readouterr().err
