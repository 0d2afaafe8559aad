"""A fake server, and a user who knows nothing but its address and token."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client.fake_server import TOKEN, FakeServer, Listening


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of settings that is empty, and an environment that names no server."""
    for name in ("DISTNET_SERVER", "DISTNET_TOKEN", "DISTNET_RUNS", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def server(config: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A server, which the environment names."""
    fake = FakeServer()
    listening = Listening(fake)
    monkeypatch.setenv("DISTNET_SERVER", fake.url)
    monkeypatch.setenv("DISTNET_TOKEN", TOKEN)
    yield fake
    listening.close()


@pytest.fixture
def job_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job file in the current folder."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "digits.yaml"
    path.write_text("name: digits\nnetwork: {kind: mlp}\nresources: {workers: 2}\n")
    return path
