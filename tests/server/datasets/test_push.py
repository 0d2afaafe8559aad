"""Datasets get onto a server by content: whole, once, and on from where an upload ended."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from fastapi.testclient import TestClient

import distnet
from distnet.agent.connection import Connection, UnreachableError
from distnet.client import datasets
from distnet.client.client import Client
from distnet.client.datasets import LocalDataset, Pushed, open_dataset, push
from distnet.client.target import Target
from distnet.data.cache.by_content import find_by_content
from distnet.data.shipped import find_dataset
from distnet.errors import DataError
from distnet.protocol.errors import InvalidError, NoStorageError, ServerError
from distnet.server.datasets import store
from distnet.server.datasets.upload import Upload
from tests.datasets import write_dataset
from tests.server.harness import ADA, BOB, SPEC, Harness, asks
from tests.server.http.api import Api
from tests.server.http.live import live

PIECE = 4000
HOURS = 3600.0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, in the middle of an upload."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A server that takes small pieces."""
    with Harness(f"sqlite:///{tmp_path}/ledger.db", tmp_path, body_bytes=PIECE) as harness:
        yield Api(harness, body_bytes=PIECE)


@pytest.fixture
def client(api: Api) -> Iterator[Client]:
    with live(api) as address:
        yield Client(Target(address, api.token("ada")))


@pytest.fixture
def dataset(tmp_path: Path) -> LocalDataset:
    return made(tmp_path / "stripes")


def made(folder: Path, *, test: int = 20) -> LocalDataset:
    """A dataset; all of them have one shard in common."""
    return open_dataset(write_dataset(folder, train=200, test=test))


def kept(api: Api, dataset: LocalDataset) -> Path:
    return api.server.settings.dataset_folder / dataset.sha256


def stored_bytes(dataset: LocalDataset) -> int:
    """What it takes of the limit: its shards and its manifest."""
    return dataset.num_bytes + (dataset.folder / "manifest.json").stat().st_size


def interrupted(client: Client, dataset: LocalDataset, *, after: int) -> None:
    """Upload some pieces of a dataset."""
    put, left = Client.put_shard, [after]

    def put_some(self: Client, *piece: object) -> int:
        left[0] -= 1
        if left[0] < 0:
            raise Interrupted
        return put(self, *piece)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "put_shard", put_some)
        patch.setattr(datasets, "AT_ONCE", 1)  # so that no other piece is still on its way
        with pytest.raises(Interrupted):
            push(client, dataset)


def attempt_of(api: Api, job: str) -> TestClient:
    """A client with the secret of the attempt of a job."""
    secrets = [attempt.request.secret for attempt in api.harness.cluster.attempts.values()]
    clients = [api.client(None, token=secret) for secret in secrets]
    return next(c for c in clients if c.get("/api/v1/attempt").json()["job"] == job)


def submits(dataset: LocalDataset, **more: object):
    return asks(sets=[f"data.source={dataset.source}", "network.hidden=[4]"], **more)


def test_dataset_arrives_whole_and_only_once(api: Api, client: Client, dataset: LocalDataset):
    seen: list[tuple[int, int]] = []

    pushed = push(client, dataset, lambda done, total: seen.append((done, total)))

    assert pushed.num_bytes == dataset.num_bytes
    assert seen[-1] == (dataset.num_bytes, dataset.num_bytes)
    found = find_by_content(dataset.sha256, folder=api.server.settings.runs / "digits-1")
    assert found == find_dataset(dataset.source, folder=found) == kept(api, dataset)
    for path in dataset.folder.iterdir():
        assert (found / path.name).read_bytes() == path.read_bytes()
    assert push(client, dataset) == Pushed(0, 0.0)
    [listed] = client.datasets()["datasets"]
    assert (listed["name"], listed["owner"], listed["num_samples"]) == ("stripes", "ada", 220)
    assert [kind for kind, _ in api.events("dataset")] == ["ada"]


def test_upload_goes_on_where_it_ended_also_with_a_new_server(
    api: Api, client: Client, dataset: LocalDataset
):
    interrupted(client, dataset, after=5)
    assert dataset.sha256 not in api.server.datasets.store
    api.server.datasets.store.open()  # as when it starts again

    pushed = push(client, dataset)

    assert 0 < pushed.num_bytes < dataset.num_bytes * 3 // 4
    assert dataset.sha256 in api.server.datasets.store
    api.server.datasets.store.open()
    assert [s.sha256 for s in api.server.datasets.store.all()] == [dataset.sha256]


def test_beginning_that_was_damaged_is_sent_again(api: Api, client: Client, dataset: LocalDataset):
    interrupted(client, dataset, after=3)
    incoming = api.server.settings.dataset_folder / store.INCOMING / dataset.sha256
    parts = list(incoming.glob("*.part"))
    for part in parts:
        part.write_bytes(bytes(part.stat().st_size))

    push(client, dataset)

    assert parts
    for path in dataset.folder.iterdir():
        assert (kept(api, dataset) / path.name).read_bytes() == path.read_bytes()


def test_shard_that_is_not_what_the_manifest_says_is_refused(
    api: Api, client: Client, dataset: LocalDataset
):
    shard = dataset.folder / "train-00000.parquet"
    good = shard.read_bytes()
    shard.write_bytes(good[:-1] + b"x")
    with pytest.raises(InvalidError, match=r"train-00000\.parquet: .* distnet data verify"):
        push(client, dataset)
    shard.write_bytes(good[:-1])
    with pytest.raises(DataError, match="the manifest says"):
        push(client, dataset)
    shard.write_bytes(good)

    push(client, dataset)

    assert (kept(api, dataset) / shard.name).read_bytes() == good


def test_shards_that_another_dataset_has_are_not_sent(
    api: Api, client: Client, dataset: LocalDataset, tmp_path: Path
):
    other = made(tmp_path / "other", test=30)
    push(client, dataset)

    pushed = push(client, other)

    assert pushed.num_bytes == other.manifest.split("test").num_bytes
    listed = client.datasets()
    train = dataset.manifest.split("train").num_bytes
    assert listed["num_bytes"] == stored_bytes(dataset) + stored_bytes(other) - train
    client.remove_dataset(dataset.sha256)
    shard = "train-00000.parquet"
    assert (kept(api, other) / shard).read_bytes() == (dataset.folder / shard).read_bytes()
    assert not kept(api, dataset).exists()


def test_unused_datasets_make_way_and_used_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = made(tmp_path / "first")
    second = open_dataset(write_dataset(tmp_path / "second", train=250, test=20))
    bound = stored_bytes(second) + 10
    url = f"sqlite:///{tmp_path}/ledger.db"
    with ExitStack() as stack:
        harness = stack.enter_context(Harness(url, tmp_path, dataset_bytes=bound))
        api = Api(harness)
        address = stack.enter_context(live(api))
        client = Client(Target(address, api.token("ada")))
        push(client, first)
        [job] = harness.submit(submits(first))
        with pytest.raises(NoStorageError, match=r"limits\.datasets is .* stripes"):
            push(client, second)
        harness.clock.pass_(2 * HOURS)
        with pytest.raises(NoStorageError):  # the job is open
            push(client, second)
        harness.server.cancel(ADA, job.name)
        harness.run(2)
        push(client, second)

        names = [stored.sha256 for stored in harness.server.datasets.store.all()]
        assert names == [second.sha256]
        with pytest.raises(InvalidError) as refused:
            harness.submit(submits(first))
        assert refused.value.code == "unknown_dataset"
        with pytest.raises(InvalidError, match=job.name):
            harness.server.retry(ADA, job.name)
        harness.clock.pass_(2 * HOURS)
        monkeypatch.setattr(store.shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
        with pytest.raises(NoStorageError, match="free on the server's disk"):
            push(client, first)


def test_dataset_of_an_open_or_recurring_job_is_not_removed(
    api: Api, client: Client, dataset: LocalDataset
):
    push(client, dataset)
    with pytest.raises(ServerError, match="belongs to ada"):
        api.server.datasets.remove(BOB, dataset.sha256)
    request = {**submits(dataset).model_dump(mode="json"), "name": None}
    client.add_schedule({"name": "nightly", "cron": "0 2 * * *", "request": request})
    with pytest.raises(ServerError) as refused:
        client.remove_dataset(dataset.sha256)
    assert refused.value.code == "in_use"
    assert client.datasets()["datasets"][0]["is_in_use"]

    client.remove_schedule("nightly")
    client.remove_dataset(dataset.sha256)

    assert client.datasets()["datasets"] == []
    missing = {"name": "nightly", "cron": "0 2 * * *", "request": request}
    with pytest.raises(InvalidError, match="distnet data push"):
        client.add_schedule(missing)


def test_submit_uploads_the_dataset_unless_the_server_sees_it(
    api: Api,
    client: Client,
    dataset: LocalDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("DISTNET_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("DISTNET_TOKEN", api.token("ada"))
    monkeypatch.setenv("DISTNET_SERVER", client.target.server)
    job = tmp_path / "job.yaml"
    job.write_text(SPEC.replace("mnist", "./stripes"))

    seen = distnet.submit(job)
    monkeypatch.setattr("distnet.server.http.routes.datasets.is_mounted", lambda *_: False)
    pushed = distnet.submit(job)

    assert f"source: {dataset.folder}\n" in client.details(seen.name)["spec"]
    assert f"source: {dataset.source}\n" in client.details(pushed.name)["spec"]
    assert dataset.sha256 in api.server.datasets.store
    api.harness.run(3)
    attempt = attempt_of(api, pushed.name)
    manifest = (dataset.folder / "manifest.json").read_bytes()
    assert attempt.get("/api/v1/attempt/dataset").content == manifest
    [shard] = dataset.manifest.split("test").shards
    query = {"offset": 10, "limit": 20}
    piece = attempt.get(f"/api/v1/attempt/dataset/{shard.sha256}", params=query).content
    assert piece == (dataset.folder / shard.file).read_bytes()[10:30]
    config = attempt.get("/api/v1/attempt").json()
    assert config["datasets"] == str(api.server.settings.dataset_folder)


def test_dataset_that_the_server_cannot_read_now_is_not_one_that_it_does_not_have(
    api: Api, client: Client, dataset: LocalDataset
):
    push(client, dataset)
    api.harness.submit(submits(dataset))
    api.harness.run(3)
    [attempt] = api.harness.cluster.attempts.values()
    manifest = kept(api, dataset) / "manifest.json"
    manifest.unlink()
    manifest.mkdir()  # reading it fails
    connection = Connection(client.target.server, attempt.request.secret)
    with pytest.raises(UnreachableError, match="507.*cannot read its datasets"):
        connection.manifest()
    manifest.rmdir()
    with pytest.raises(DataError, match="does not have the dataset"):
        connection.manifest()
    connection.close()


def test_a_dataset_may_be_removed_while_its_shards_are_linked(
    api: Api, client: Client, dataset: LocalDataset, tmp_path: Path
):
    others = [made(tmp_path / f"other{test}", test=test) for test in (30, 40)]
    for one in (dataset, *others):
        push(client, one)
    link, left = Upload.link, [other.sha256 for other in others]

    def link_and_remove(self: Upload, sha256: str, known: Path) -> None:
        link(self, sha256, known)
        while left:
            api.server.datasets.remove(ADA, left.pop())

    new = made(tmp_path / "new", test=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Upload, "link", link_and_remove)
        push(client, new)
    found = {stored.sha256 for stored in api.server.datasets.store.all()}
    assert found == {dataset.sha256, new.sha256}
