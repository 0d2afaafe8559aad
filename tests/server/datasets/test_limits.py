"""Datasets make way for bytes that have arrived, never for what a manifest only says."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from distnet.client.client import Client
from distnet.client.datasets import LocalDataset, open_dataset, push
from distnet.client.target import Target
from distnet.data.manifest import Manifest
from distnet.protocol.errors import InvalidError, NoStorageError, NotFoundError, ServerError
from distnet.server.datasets import capacity
from tests.datasets import write_dataset
from tests.server.harness import BOB, Harness
from tests.server.http.api import Api
from tests.server.http.live import live

HOUR = 3600.0


@pytest.fixture
def dataset(tmp_path: Path) -> LocalDataset:
    return open_dataset(write_dataset(tmp_path / "stripes", train=200, test=20))


@contextmanager
def server(folder: Path, dataset_bytes: int) -> Iterator[tuple[Api, Client, Client]]:
    """A server with a limit, and clients of `ada` and `bob`."""
    with Harness(f"sqlite:///{folder}/l.db", folder, dataset_bytes=dataset_bytes) as harness:
        api = Api(harness)
        with live(api) as address:
            ada, bob = (Client(Target(address, api.token(user))) for user in ("ada", "bob"))
            yield api, ada, bob


def size(dataset: LocalDataset) -> int:
    return dataset.num_bytes + (dataset.folder / "manifest.json").stat().st_size


def changed(dataset: LocalDataset, change: Callable[[dict[str, Any]], None]) -> tuple[str, bytes]:
    """The sha256 and the text of a manifest that is a little different."""
    content = json.loads((dataset.folder / "manifest.json").read_text())
    change(content)
    data = json.dumps(content).encode()
    return Manifest.model_validate_json(data).sha256, data


def declaring(dataset: LocalDataset, num_bytes: int, shard: str = "0") -> tuple[str, bytes]:
    """A manifest that says that a shard has so many bytes."""

    def declare(content: dict[str, Any]) -> None:
        del content["splits"]["test"]
        content["splits"]["train"]["shards"][0] |= {"num_bytes": num_bytes, "sha256": 64 * shard}

    return changed(dataset, declare)


def names(client: Client) -> dict[str, bool]:
    """The datasets that are listed, and whether each is complete."""
    return {one["sha256"]: one["is_complete"] for one in client.datasets()["datasets"]}


def test_a_manifest_alone_removes_nothing_and_blocks_nobody(tmp_path: Path, dataset: LocalDataset):
    bound = 3 * size(dataset)
    with server(tmp_path, bound) as (api, ada, eve):
        push(ada, dataset)
        api.clock.pass_(2 * HOUR)
        large, manifest = declaring(dataset, bound - 2000)

        eve.begin_dataset(large, manifest)

        assert names(ada) == {dataset.sha256: True, large: False}
        other = open_dataset(write_dataset(tmp_path / "other", train=150, test=30))
        push(ada, other)
        assert names(ada) == {dataset.sha256: True, other.sha256: True, large: False}
        api.clock.pass_(2 * HOUR)
        present = size(dataset) + size(other) + len(manifest)
        piece = bytes(bound - present + 1)
        eve.put_shard(large, 64 * "0", 0, piece[:-1])
        assert dataset.sha256 in names(ada)
        eve.put_shard(large, 64 * "0", len(piece) - 1, b"1")
        assert names(ada) == {other.sha256: True, large: False}
        assert not (api.server.settings.dataset_folder / dataset.sha256).exists()
        too_large, manifest = declaring(dataset, bound + 1)
        with pytest.raises(NoStorageError, match=r"limits\.datasets is"):
            eve.begin_dataset(too_large, manifest)


def test_a_piece_that_is_refused_removes_nothing(tmp_path: Path, dataset: LocalDataset):
    with server(tmp_path, bound := 2 * size(dataset)) as (api, ada, eve):
        push(ada, dataset)
        api.clock.pass_(2 * HOUR)
        large, manifest = declaring(dataset, bound - 2000)
        eve.begin_dataset(large, manifest)
        piece = bytes(bound - size(dataset))
        assert eve.put_shard(large, 64 * "0", 10, piece) == 0
        with pytest.raises(NotFoundError):
            eve.put_shard(large, 64 * "1", 0, piece)
        with pytest.raises(InvalidError):
            eve.put_shard(large, 64 * "0", 0, bytes(bound))
        assert names(ada) == {dataset.sha256: True, large: False}


def test_unfinished_upload_can_be_removed_by_its_owner(tmp_path: Path, dataset: LocalDataset):
    with server(tmp_path, 10**6) as (api, ada, _):
        large, manifest = declaring(dataset, 5000)
        ada.begin_dataset(large, manifest)
        ada.put_shard(large, 64 * "0", 0, bytes(3000))
        [listed] = ada.datasets()["datasets"]
        assert (listed["num_received"], listed["num_bytes"]) == (3000, 5000)
        assert ada.datasets()["num_bytes"] == 3000 + len(manifest)
        assert not ada.has_dataset(large)
        with pytest.raises(ServerError, match="belongs to ada"):
            api.server.datasets.remove(BOB, large)
        api.server.datasets.store.open()  # as when it starts again
        assert ada.datasets()["datasets"][0]["num_received"] == 3000

        ada.remove_dataset(large)

        assert ada.datasets()["num_bytes"] == 0
        with pytest.raises(NotFoundError, match="begin it again"):
            ada.put_shard(large, 64 * "0", 3000, b"more")
        assert ada.begin_dataset(large, manifest)["missing"] == [{"sha256": 64 * "0", "offset": 0}]


def test_there_is_a_bound_on_datasets_which_empty_uploads_leave_soon(
    tmp_path: Path, dataset: LocalDataset, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(capacity, "MOST_DATASETS", 2)
    with server(tmp_path, 10**6) as (api, ada, eve):
        push(ada, dataset)
        empty, manifest = declaring(dataset, 5000)
        eve.begin_dataset(empty, manifest)
        other, manifest = declaring(dataset, 5000, "1")
        with pytest.raises(NoStorageError, match="2 datasets and uploads, the most") as refused:
            ada.begin_dataset(other, manifest)
        assert refused.value.code == "too_many_datasets"
        api.clock.pass_(601.0)
        ada.begin_dataset(other, manifest)
        ada.put_shard(other, 64 * "1", 0, b"a piece")
        assert names(ada) == {dataset.sha256: True, other: False}
        api.clock.pass_(601.0)
        with pytest.raises(NoStorageError):
            eve.begin_dataset(*declaring(dataset, 5000, "2"))


def test_manifests_count(tmp_path: Path, dataset: LocalDataset):
    with server(tmp_path, size(dataset) - 1) as (_, ada, _), pytest.raises(NoStorageError):
        push(ada, dataset)


@pytest.mark.parametrize("what", ["name", "source", "licence"])
def test_texts_of_a_manifest_have_a_bound(tmp_path: Path, dataset: LocalDataset, what: str):
    with server(tmp_path, 10**6) as (_, ada, _):
        ada.begin_dataset(*changed(dataset, lambda content: content.update({what: 1000 * "x"})))
        long = changed(dataset, lambda content: content.update({what: 1001 * "x"}))
        ada.remove_dataset(dataset.sha256)
        with pytest.raises(InvalidError, match=f"{what} of more than 1,000 characters"):
            ada.begin_dataset(*long)


def test_a_manifest_without_shards_is_refused(tmp_path: Path, dataset: LocalDataset):
    def empty(content: dict[str, Any]) -> None:
        content["splits"] = {"train": {"num_samples": 0, "shards": []}}

    with server(tmp_path, 10**6) as (_, ada, _):
        with pytest.raises(InvalidError, match="without shards"):
            ada.begin_dataset(*changed(dataset, empty))
        assert names(ada) == {}
