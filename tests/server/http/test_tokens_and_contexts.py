"""Tokens of `distnet server token`, and the contexts that the start of a real server leaves."""

import json
import re
import signal

import httpx
import pytest

from distnet.server.start import own_name
from tests.server.http.home import NO_RAY, Home


def test_a_routable_address_needs_a_token_first(home: Home) -> None:
    refused = home.run("start", "--listen", "0.0.0.0:0", "--ray", NO_RAY)
    assert refused.returncode == 2
    assert "distnet server token" in refused.stderr
    assert not (home.folder / "config").exists()

    made = home.token("--json")
    assert json.loads(made.stdout)["role"] == "admin"
    token = json.loads(made.stdout)["secret"]

    with home.server(listen="0.0.0.0:0") as server:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{server.facts['address'].rpartition(':')[2]}/api/v1/whoami"
        assert httpx.get(url, headers=headers).json()["user"] == own_name()
        assert httpx.get(url).status_code == 401
        assert httpx.get(url, headers={**headers, "Host": "evil.example"}).status_code == 403


def test_the_first_token_may_precede_the_ledger_that_the_environment_names(home: Home) -> None:
    home.environment["DISTNET_LEDGER"] = f"sqlite:///{home.folder}/elsewhere/ledger.db"
    token = home.token("ada").stdout.strip()

    with home.server(listen="0.0.0.0:0") as server:
        headers = {"Authorization": f"Bearer {token}"}
        url = f"http://127.0.0.1:{server.facts['address'].rpartition(':')[2]}/api/v1/whoami"
        assert httpx.get(url, headers=headers).json()["user"] == "ada"


def test_a_token_can_be_made_while_the_server_runs(home: Home) -> None:
    with home.server() as server:
        token = home.token("ada", "--role", "submitter").stdout.strip()
        assert re.fullmatch(r"dn_[a-z0-9]{12}_[A-Za-z0-9_-]{43}", token)
        headers = {"Authorization": f"Bearer {token}"}
        who = httpx.get(f"{server.facts['address']}/api/v1/whoami", headers=headers).json()
        assert (who["user"], who["role"]) == ("ada", "submitter")


def test_only_the_first_user_is_an_admin_by_default(home: Home) -> None:
    first, second = home.token("ada"), home.token("eve")
    assert re.fullmatch(r"dn_[a-z0-9]{12}_[A-Za-z0-9_-]{43}\n", first.stdout)
    assert f"token {first.stdout[3:15]} of ada (admin); " in first.stderr
    assert f"token {second.stdout[3:15]} of eve (submitter); " in second.stderr

    refused = home.token("eve", "--role", "viewer")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "eve is already submitter" in refused.stderr
    assert "of eve (viewer); " in home.token("eve", "--role", "viewer", "--change-role").stderr


def test_a_token_that_cannot_be_created_is_reported(home: Home) -> None:
    wrong = home.token("Not A Name")
    assert wrong.returncode == 2
    assert "found text 'Not A Name', expected up to 63 lower-case letters" in wrong.stderr

    absent = home.folder / "absent" / "x.db"
    refused = home.token("--ledger", f"sqlite:///{absent}")
    assert refused.returncode == 2
    assert f"there is no ledger at {absent}; start the server first" in refused.stderr
    assert not absent.parent.exists()


@pytest.mark.check
def test_a_second_ledger_takes_neither_the_token_nor_the_commands_of_the_first(home: Home) -> None:
    with home.server():
        first = home.contexts["contexts"]["local"]
        with home.server("--ledger", f"sqlite:///{home.folder}/other.db") as server:
            assert server.facts["context"] == f"local-{server.facts['ledger']}"
            assert home.contexts["contexts"]["local"] == first
            assert home.contexts["current"] == "local"
            assert server.facts["is_current"] is False


@pytest.mark.check
def test_a_start_leads_commands_to_the_ledger_that_is_at_the_address_now(home: Home) -> None:
    def start(*arguments: str) -> str:
        with home.server(*arguments, listen=listen) as server:
            assert server.facts["is_current"]
            assert home.contexts["current"] == server.facts["context"]
            assert server.client.get("/api/v1/whoami").status_code == 200
            listens.append(server.facts["address"].removeprefix("http://"))
            server.end(signal.SIGTERM)
            return str(server.facts["context"])

    listen, listens = "127.0.0.1:0", []
    assert start() == "local"
    listen = listens[0]
    other = ("--ledger", f"sqlite:///{home.folder}/other.db")
    assert start(*other).startswith("local-")
    assert start() == "local"
