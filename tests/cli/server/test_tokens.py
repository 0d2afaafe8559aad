"""`distnet whoami` and `distnet token` as a person types them."""

import json

import pytest

from distnet.cli.main import main
from tests.client.fake_server import TOKEN, FakeServer


def test_a_new_token_is_all_there_is_on_stdout(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    command = "token create --user bob --role submitter --team vision --note ci --expires +30d"
    assert main(command.split()) == 0

    printed = capsys.readouterr()
    assert printed.out == f"{TOKEN}\n"
    assert "k3x9q1z7b5m2 of bob (submitter)" in printed.err
    assert main(["token", "create", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["secret"] == TOKEN


def test_tokens_are_listed_and_revoked(
    server: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["token", "create", "--note", "for ci"])
    capsys.readouterr()

    assert main(["token", "list"]) == 0
    printed = capsys.readouterr().out
    assert "valid" in printed
    assert "for ci" in printed
    assert main(["token", "revoke", "k3x9q1z7b5m2"]) == 0
    assert main(["token", "list"]) == 0
    assert "revoked" in capsys.readouterr().out
    assert main(["token", "revoke", "absent"]) == 2


def test_revoking_the_token_in_use_is_reported(
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


def test_the_secret_part_is_not_sent_to_be_revoked(server: FakeServer) -> None:
    assert main(["token", "revoke", TOKEN]) == 2

    assert server.requests == ["DELETE /api/v1/tokens/abcdefghijkl"]
