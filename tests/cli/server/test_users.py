"""`distnet users` against a server."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.protocol.schedules import ScheduleRequest
from tests.server.harness import ADA, Harness, asks
from tests.server.http.api import Api
from tests.server.http.live import live


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """A server whose admin is the caller, with a running and a waiting job of ada's."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path) as harness:
        harness.submit(asks(workers=4), asks(workers=4), steps=100)
        nightly = ScheduleRequest(name="nightly", request=asks(), cron="0 2 * * *")
        harness.server.add_schedule(ADA, nightly)
        harness.run(3)
        api = Api(harness)
        with live(api) as address:
            monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
            monkeypatch.setenv("DISTNET_SERVER", address)
            monkeypatch.setenv("DISTNET_TOKEN", api.token("root"))
            yield api


def test_a_user_is_blocked_and_unblocked(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["users", "block", "ada", "--reason", "left the lab"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "ada is blocked\n"
    assert printed.err == (
        "1 job held: digits-2\n"
        "1 job going on: digits-1\n"
        "1 recurring job submitting nothing: nightly\n"
        "cancel them with: distnet users block ada --cancel\n"
    )
    assert main(["users", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines[1:]][0] == ["ada", "submitter", "vision"]
    assert "blocked by root on 20" in lines[1]
    assert lines[1].endswith(": left the lab")
    assert lines[2].endswith("active")
    assert main(["schedules", "list"]) == 0
    assert "ada is blocked" in capsys.readouterr().out

    monkeypatch.setenv("DISTNET_TOKEN", api.token("ada"))
    assert main(["ps"]) == 2
    assert "ada was blocked by root: left the lab; only an admin" in capsys.readouterr().err

    monkeypatch.setenv("DISTNET_TOKEN", api.token("root"))
    assert main(["users", "unblock", "ada"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "ada is unblocked\n"
    assert printed.err == "1 job held; release with: distnet release digits-2\n"


@pytest.mark.check
def test_users_are_for_admins(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DISTNET_TOKEN", api.token("bob"))

    for command in (["list"], ["block", "ada"], ["unblock", "ada"]):
        assert main(["users", *command]) == 2
        assert "requires the role admin" in capsys.readouterr().err


@pytest.mark.check
def test_json_has_the_jobs(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["users", "block", "ada", "--cancel", "--json"]) == 0

    found = json.loads(capsys.readouterr().out)

    assert found["cancelled"] == ["digits-1", "digits-2"]
    assert found["user"]["blocked_by"] == "root"
