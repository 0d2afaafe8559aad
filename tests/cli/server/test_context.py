"""`distnet context` as a person types it."""

import io
import json
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.client import contexts
from tests.client.fake_server import TOKEN, FakeServer, make_job


@pytest.fixture
def unset(server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> FakeServer:
    """A server that the environment does not name."""
    monkeypatch.delenv("DISTNET_SERVER")
    monkeypatch.delenv("DISTNET_TOKEN")
    return server


def test_an_added_context_is_checked_and_used(
    unset: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    unset.jobs["digits-1"] = make_job("digits-1")

    assert main(["context", "add", "lab", unset.url, "--token", TOKEN]) == 0
    assert capsys.readouterr().out == f"lab is {unset.url} as ada (admin)\n"
    assert main(["ps"]) == 0
    assert "digits-1" in capsys.readouterr().out
    assert main(["whoami"]) == 0
    assert "ada, admin of team vision, on" in capsys.readouterr().out


def test_a_context_with_a_wrong_token_is_not_saved(
    unset: FakeServer, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "add", "lab", unset.url, "--token", "dn_wrong"]) == 2
    assert "token" in capsys.readouterr().err
    assert not (config / "contexts.json").exists()


def test_a_token_is_read_from_stdin(unset: FakeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))

    assert main(["context", "add", "lab", unset.url, "--token", "-"]) == 0
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
def test_a_context_needs_an_address(
    url: str, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["context", "add", "x", url, "--token", "dn_x"]) == 2
    assert f"context x: found {url!r}, expected http://HOST:PORT" in capsys.readouterr().err
    assert not (config / "contexts.json").exists()


def test_a_context_is_not_replaced_by_one_of_another_server(
    unset: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("lab", "http://elsewhere:8270", TOKEN)

    assert main(["context", "add", "lab", unset.url, "--token", TOKEN]) == 2
    assert "found http://elsewhere:8270 under this name" in capsys.readouterr().err
    assert main(["context", "add", "lab", unset.url, "--token", TOKEN, "--force"]) == 0
    assert main(["context", "add", "lab", unset.url, "--token", TOKEN]) == 0
    assert contexts.load().contexts["lab"].server == unset.url


def test_contexts_are_listed_without_secrets(
    unset: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["context", "add", "lab", unset.url, "--token", TOKEN])
    main(["context", "add", "two", unset.url, "--token", TOKEN, "--no-use"])
    capsys.readouterr()

    assert main(["context", "list"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("* lab ")
    assert "dn_abcdefghijkl" in printed
    assert "sss" not in printed
    assert main(["context", "use", "two"]) == 0
    assert main(["context", "remove", "lab"]) == 0
    capsys.readouterr()
    assert main(["context", "list", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["name"], row["is_current"], row["token"]) == ("two", True, "dn_abcdefghijkl")
    assert main(["context", "use", "lab"]) == 2


def test_a_missing_token_is_reported_with_the_remedy(
    unset: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ps", "--server", unset.url]) == 2

    printed = capsys.readouterr().err
    assert "DISTNET_TOKEN" in printed
    assert len(printed.splitlines()) == 1


def test_a_refused_token_names_the_context_with_another(
    unset: FakeServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("mine", unset.url, TOKEN)
    contexts.save("old", unset.url, "dn_old")

    assert main(["ps"]) == 2
    printed = capsys.readouterr().err
    assert "(context old) had the token dn_old; " in printed
    assert printed.endswith("another token for this server: distnet context use mine\n")

    monkeypatch.setenv("DISTNET_TOKEN", "dn_wrong")
    assert main(["ps", "--context", "mine"]) == 0  # named: its own token is meant
    assert main(["ps"]) == 2
    assert "unset DISTNET_TOKEN to use the token of context mine or old" in capsys.readouterr().err


def test_a_refused_token_without_another_says_where_to_get_one(
    unset: FakeServer, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("old", unset.url, "dn_old")

    assert main(["ps"]) == 2
    printed = capsys.readouterr().err
    assert "create one on the server's machine: distnet server token" in printed
    assert "token create" not in printed
    assert len(printed.splitlines()) == 1


@pytest.mark.parametrize(
    ("url", "content", "text"),
    [
        ("http://lab:8270", "", "--ca: found the address http://lab:8270, expected one with https"),
        (
            "https://lab",
            None,
            "ca.pem: the certificate of the server's CA: cannot be read: No such",
        ),
        ("https://lab", "no PEM", "found no certificate, expected one in PEM"),
    ],
)
def test_a_ca_needs_https_and_a_certificate(
    config: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    url: str,
    content: str | None,
    text: str,
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)

    add = ["context", "add", "lab", url, "--token", TOKEN, "--ca", str(tmp_path / "ca.pem")]

    assert main(add) == 2
    assert text in capsys.readouterr().err
    assert not (config / "contexts.json").exists()


def test_the_ca_of_a_context_that_is_gone_is_reported(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contexts.save("lab", "https://lab", TOKEN, ca=str(tmp_path / "gone.pem"))

    assert main(["ps"]) == 2
    assert "gone.pem: the certificate of the server's CA: cannot" in capsys.readouterr().err
    assert contexts.load().ca_for("https://lab") == str(tmp_path / "gone.pem")
