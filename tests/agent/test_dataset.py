"""The dataset of an attempt: where the server keeps it, or copied to this node."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from distnet.agent.connection import Connection
from distnet.agent.dataset import Download
from distnet.data.cache.by_content import VARIABLE
from distnet.data.shipped import find_dataset
from distnet.errors import DataError, StoppedError
from distnet.protocol.attempt import AttemptConfig
from tests.agent.fake_server import SECRET, FakeServer, serving
from tests.agent.test_attempt import SPEC, make_config
from tests.datasets import write_dataset


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeServer]:
    monkeypatch.setenv("DISTNET_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv(VARIABLE, "")  # restored at the end
    dataset = write_dataset(tmp_path / "stripes", train=40, test=8)
    with serving(FakeServer(dataset=dataset)) as server:
        yield server


def config(server: FakeServer, runs: Path, datasets: str = "") -> AttemptConfig:
    source = f"sha256:{server.dataset_sha256}"
    spec = SPEC.replace("source: mnist", f"source: {source}")
    return make_config(runs, spec=spec, datasets=datasets)


def download(server: FakeServer, is_stopped: Callable[[], bool] = lambda: False) -> Download:
    return Download(Connection(server.url, SECRET), is_stopped)


def test_dataset_is_copied_to_the_node_once(server: FakeServer, tmp_path: Path):
    assert server.dataset is not None
    attempt, source = config(server, tmp_path), f"sha256:{server.dataset_sha256}"
    for _ in range(2):
        with download(server).provided(attempt):
            found = find_dataset(source, folder=tmp_path)

            assert found == tmp_path / "cache" / "datasets" / server.dataset_sha256
            for path in server.dataset.glob("*.parquet"):
                assert (found / path.name).read_bytes() == path.read_bytes()
    assert sum("offset=" in path for path in server.paths) == 2  # one piece of each shard


def test_folder_of_the_server_is_used_where_it_is_seen(server: FakeServer, tmp_path: Path):
    kept = tmp_path / "kept" / server.dataset_sha256
    kept.parent.mkdir()
    kept.symlink_to(server.dataset)

    with download(server).provided(config(server, tmp_path, str(kept.parent))):
        assert os.environ[VARIABLE] == str(kept.parent)
    assert server.paths == []


def test_job_with_a_path_or_a_shipped_dataset_needs_no_copy(server: FakeServer, tmp_path: Path):
    with download(server).provided(make_config(tmp_path)):
        assert os.environ[VARIABLE] == ""
    assert server.paths == []


def test_dataset_that_was_removed_is_an_error_of_the_user(server: FakeServer, tmp_path: Path):
    attempt = config(server, tmp_path)
    server.dataset = None
    with pytest.raises(DataError, match="distnet data push"), download(server).provided(attempt):
        pass


def test_stop_ends_a_copy(server: FakeServer, tmp_path: Path):
    with (
        pytest.raises(StoppedError),
        download(server, lambda: True).provided(config(server, tmp_path)),
    ):
        pass
