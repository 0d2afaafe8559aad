"""The file of contexts: who may read it, what it refuses; and which server is meant."""

import json
import stat
from pathlib import Path

import pytest

from distnet.client import contexts
from distnet.client.address import explicit
from distnet.client.target import Target, find_target
from distnet.errors import DistnetError

TOKEN = "dn_abcdefghijkl_secret"


@pytest.fixture
def lab(config: Path) -> str:
    contexts.save("lab", "http://lab:8270", TOKEN)
    return "http://lab:8270"


def test_saved_contexts_are_read_back_and_the_newest_is_current(config: Path) -> None:
    contexts.save("lab", "lab:8270/", TOKEN)
    contexts.save("home", "https://Home.example/distnet/", None)

    known = contexts.load()

    assert known.current == "home"
    assert known.contexts["lab"] == contexts.Context("http://lab:8270", TOKEN)
    assert known.contexts["home"] == contexts.Context("https://home.example/distnet", None)
    assert json.loads((config / "contexts.json").read_text()) == {
        "current": "home",
        "contexts": {
            "lab": {"server": "http://lab:8270", "token": TOKEN},
            "home": {"server": "https://home.example/distnet", "token": None},
        },
    }


def test_only_the_user_may_read_the_file(lab: str, config: Path) -> None:
    (config / "contexts.json").chmod(0o644)

    contexts.save("home", "home", None)

    assert stat.S_IMODE((config / "contexts.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert [path.name for path in config.iterdir()] == ["contexts.json"]


def test_the_folder_of_settings_follows_the_environment(
    config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("DISTNET_CONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert contexts.contexts_file() == tmp_path / ".config/distnet/contexts.json"

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    assert contexts.contexts_file() == tmp_path / "xdg/distnet/contexts.json"


def test_a_removed_context_is_gone_and_no_longer_current(lab: str) -> None:
    contexts.save("home", "home", None, make_current=False)
    assert contexts.load().current == "lab"

    contexts.remove("lab")

    assert contexts.load() == contexts.Contexts(
        None, {"home": contexts.Context("http://home", None)}
    )
    contexts.use("home")
    assert contexts.load().current == "home"
    with pytest.raises(DistnetError, match="expected one of: home"):
        contexts.use("lab")


@pytest.mark.parametrize("content", ["[]", "{", '{"contexts": {"a": 3}}', "\x00", '{"contexts":3}'])
def test_a_damaged_file_is_named(content: str, config: Path) -> None:
    config.mkdir()
    (config / "contexts.json").write_text(content)

    with pytest.raises(DistnetError, match=r"contexts.json: found no contexts"):
        contexts.load()


@pytest.mark.parametrize(
    "address",
    ["", "ftp://lab", "http://", "http://a:b@lab", "http://lab:99999", "http://lab?x=1", "a b"],
)
def test_another_form_of_address_is_refused(address: str, config: Path) -> None:
    with pytest.raises(DistnetError, match="server"):
        contexts.save("lab", address, None)
    assert not (config / "contexts.json").exists()


@pytest.mark.parametrize("address", ["notaurl", "", "ray://head:10001", "http://", "a:b", "::1"])
def test_an_address_that_is_saved_has_a_scheme_or_a_port(address: str) -> None:
    assert explicit("10.0.0.1:8265", "--ray") == "http://10.0.0.1:8265"
    assert explicit("https://lab/ray/", "--ray") == "https://lab/ray"
    with pytest.raises(DistnetError, match=f"--ray: found {address!r}, expected http"):
        explicit(address, "--ray")


def test_a_token_with_a_line_break_is_refused(config: Path) -> None:
    with pytest.raises(DistnetError, match="token"):
        contexts.save("lab", "lab", "dn_a\r\nX-Evil: 1")


def test_without_settings_it_is_this_machine(config: Path) -> None:
    assert find_target() == Target("http://127.0.0.1:8270", None, "the default")


def test_the_current_context_is_meant_by_default(lab: str) -> None:
    assert find_target() == Target(lab, TOKEN, "context lab")


def test_a_named_server_comes_before_contexts(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTNET_SERVER", "http://env:1")
    assert find_target().server == "http://env:1"
    assert find_target("given:2").server == "http://given:2"
    with pytest.raises(DistnetError, match="--context lab is http://lab:8270, but DISTNET_SERVER"):
        find_target(context="lab")


def test_a_token_goes_only_to_its_own_server(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_target("other:1").token is None
    assert find_target("lab:8270").token == TOKEN

    assert find_target(context="lab").token == TOKEN
    assert TOKEN not in repr(find_target(context="lab"))


def test_a_token_of_the_environment_wins(lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISTNET_TOKEN", "dn_other")

    assert find_target() == Target(lab, "dn_other", "context lab")
    assert find_target(context="lab").token == TOKEN
    assert find_target("other:1").token == "dn_other"
