"""`distnet reserve` and `distnet reservations` as a person types them."""

import json
import time

import pytest

from distnet.cli.main import main
from tests.client.fake_server import FakeServer


def test_a_reservation_is_made_listed_and_cancelled(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    window = ["--start", "2099-12-01T08:00", "--end", "2099-12-01T12:00"]
    whom = ["--user", "ada", "--team", "students"]
    assert main(["reserve", "course", *window, "--nodes", "2", *whom]) == 0
    row = capsys.readouterr().out.splitlines()[1]
    assert "course  planned  2099-12-01 08:00  2099-12-01 12:00  ada, team students" in row
    assert row.endswith("gpu1, gpu2")

    assert main(["reservations"]) == 0
    assert "course" in capsys.readouterr().out
    assert main(["reservations", "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)] == ["course"]
    assert main(["reservations", "cancel", "course"]) == 0
    assert capsys.readouterr().out == "course is cancelled\n"
    assert main(["reservations"]) == 0
    assert "no reservations" in capsys.readouterr().err


def test_nodes_are_named_and_the_start_is_now(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.time()
    words = ["reserve", "repair", "--end", "+2h", "--nodes", "gpu1, gpu3", "--user", "root"]
    assert main([*words, "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["nodes"] == ["gpu1", "gpu3"]
    assert before <= made["starts_at"] == pytest.approx(made["ends_at"] - 7200, abs=60)

    assert main(["reserve", "repair", "--end", "soon", "--nodes", "1"]) == 2
    assert "found the time 'soon'" in capsys.readouterr().err
