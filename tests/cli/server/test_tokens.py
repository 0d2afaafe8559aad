"""`distnet context`, `whoami`, `token` and `team` as a person types them."""

import io
import json
import re
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.client import contexts
from tests.client.fake_server import TOKEN, FakeServer, make_job


@pytest.fixture
def nobody(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server that the environment does not name."""
    monkeypatch.delenv("DISTNET_SERVER")
    monkeypatch.delenv("DISTNET_TOKEN")
    return server


def test_an_added_context_is_tried_and_used(
    nobody: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody.jobs["digits-1"] = make_job("digits-1")

    assert main(["context", "add", "lab", nobody.url, "--token", TOKEN]) == 0
    assert capsys.readouterr().out == f"lab is {nobody.url} as ada (admin)\n"
    assert main(["ps"]) == 0
    assert "digits-1" in capsys.readouterr().out
    assert main(["whoami"]) == 0
    assert "ada, admin of team vision, on" in capsys.readouterr().out


def test_a_context_with_a_wrong_token_is_not_kept(
    nobody: FakeServer, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "add", "lab", nobody.url, "--token", "dn_wrong"]) == 2
    assert "token" in capsys.readouterr().err
    assert not (config / "contexts.json").exists()


def test_a_token_is_read_from_stdin(nobody: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))

    assert main(["context", "add", "lab", nobody.url, "--token", "-"]) == 0
    assert main(["whoami"]) == 0


def test_a_server_that_is_off_can_be_added(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "add", "lab", "http://127.0.0.1:9", "--token", TOKEN]) == 0
    assert "saved without a check" in capsys.readouterr().err
    assert main(["ps", "--context", "lab"]) == 2
    assert "127.0.0.1:9 (context lab)" in capsys.readouterr().err
    assert contexts.load().current is None


@pytest.mark.parametrize("url", ["notaurl", "ray://lab:10001", "http://"])
def test_what_is_no_address_is_not_added(
    url: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "add", "x", url, "--token", "dn_x"]) == 2
    assert f"context x: found {url!r}, expected http://HOST:PORT" in capsys.readouterr().err
    assert not (config / "contexts.json").exists()


def test_a_context_is_not_replaced_by_one_of_another_server(
    nobody: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("lab", "http://elsewhere:8270", TOKEN)

    assert main(["context", "add", "lab", nobody.url, "--token", TOKEN]) == 2
    assert "found http://elsewhere:8270 under this name" in capsys.readouterr().err
    assert main(["context", "add", "lab", nobody.url, "--token", TOKEN, "--force"]) == 0
    assert main(["context", "add", "lab", nobody.url, "--token", TOKEN]) == 0
    assert contexts.load().contexts["lab"].server == nobody.url


def test_contexts_are_listed_without_secrets(
    nobody: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["context", "add", "lab", nobody.url, "--token", TOKEN])
    main(["context", "add", "two", nobody.url, "--token", TOKEN, "--no-use"])
    capsys.readouterr()

    assert main(["context", "list"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("* lab ")
    assert "dn_abcdefghijkl" in said
    assert "sss" not in said
    assert main(["context", "use", "two"]) == 0
    assert main(["context", "remove", "lab"]) == 0
    capsys.readouterr()
    assert main(["context", "list", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["name"], row["is_current"], row["token"]) == ("two", True, "dn_abcdefghijkl")
    assert main(["context", "use", "lab"]) == 2


def test_without_a_token_the_remedy_is_told(
    nobody: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ps", "--server", nobody.url]) == 2

    told = capsys.readouterr().err
    assert "DISTNET_TOKEN" in told
    assert len(told.splitlines()) == 1


def test_a_refused_token_names_the_context_with_another(
    nobody: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("mine", nobody.url, TOKEN)
    contexts.save("old", nobody.url, "dn_old")

    assert main(["ps"]) == 2
    told = capsys.readouterr().err
    assert "(context old) had the token dn_old; " in told
    assert told.endswith("another token for this server: distnet context use mine\n")

    monkeypatch.setenv("DISTNET_TOKEN", "dn_wrong")
    assert main(["ps", "--context", "mine"]) == 0  # named: its own token is meant
    assert main(["ps"]) == 2
    assert "unset DISTNET_TOKEN to use the token of context mine or old" in capsys.readouterr().err


def test_a_refused_token_without_another_tells_where_to_get_one(
    nobody: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("old", nobody.url, "dn_old")

    assert main(["ps"]) == 2
    told = capsys.readouterr().err
    assert "create one on the server's machine: distnet server token" in told
    assert "token create" not in told
    assert len(told.splitlines()) == 1


def test_a_new_token_is_all_that_stands_on_stdout(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "token create --user bob --role submitter --team vision --note ci --expires +30d"
    assert main(command.split()) == 0

    said = capsys.readouterr()
    assert said.out == f"{TOKEN}\n"
    assert "k3x9q1z7b5m2 of bob (submitter)" in said.err
    assert main(["token", "create", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["secret"] == TOKEN


def test_tokens_are_listed_and_revoked(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["token", "create", "--note", "for ci"])
    capsys.readouterr()

    assert main(["token", "list"]) == 0
    said = capsys.readouterr().out
    assert "valid" in said
    assert "for ci" in said
    assert main(["token", "revoke", "k3x9q1z7b5m2"]) == 0
    assert main(["token", "list"]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["token", "revoke", "absent"]) == 2


def test_who_revokes_the_token_in_use_is_told(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["token", "create"])
    server.tokens["abcdefghijkl"] = server.tokens["k3x9q1z7b5m2"]
    capsys.readouterr()

    assert main(["token", "revoke", "k3x9q1z7b5m2"]) == 0
    assert capsys.readouterr().err == ""
    assert main(["token", "revoke", "abcdefghijkl"]) == 0
    assert "your own token; create another" in capsys.readouterr().err
    assert main(["token", "revoke", "abcdefghijkl", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["was_own"] is True


def test_a_whole_secret_is_not_sent_to_be_revoked(server: FakeServer) -> None:
    assert main(["token", "revoke", TOKEN]) == 2

    assert server.asked == ["DELETE /api/v1/tokens/abcdefghijkl"]


def test_a_team_keeps_what_is_not_named(
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


@pytest.mark.parametrize("group", ["server", "schedules", "context", "token", "team", "data"])
def test_every_group_shows_an_example(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([group, "--help"]) == 0
    assert f"Example: distnet {group} " in capsys.readouterr().out


def test_every_verb_has_a_panel(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0

    said = capsys.readouterr().out
    panels = re.findall(r"─ ([A-Z]\w+) ─", said)
    assert panels == ["Options", "Train", "Queue", "Data", "Look", "Server"]
