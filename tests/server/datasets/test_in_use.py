"""Which datasets jobs have is known without reading all job files while the server waits."""

import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from distnet.client.client import Client
from distnet.client.datasets import LocalDataset, open_dataset, push
from distnet.client.target import Target
from distnet.protocol.errors import ConflictError
from distnet.server.ledger import texts
from tests.datasets import write_dataset
from tests.server.harness import ADA, asks
from tests.server.http.api import Api
from tests.server.http.live import live


@pytest.fixture
def dataset(api: Api, tmp_path: Path) -> LocalDataset:
    dataset = open_dataset(write_dataset(tmp_path / "stripes", train=40, test=8))
    with live(api) as address:
        push(Client(Target(address, api.token("ada"))), dataset)
    return dataset


def submit(api: Api, source: str) -> str:
    [job] = api.harness.submit(asks(sets=[f"data.source={source}", "network.hidden=[4]"]))
    return job.name


def is_free(lock: threading.RLock) -> bool:
    """Whether another thread can take a lock now."""
    taken = []

    def take() -> None:
        if lock.acquire(blocking=False):
            lock.release()
            taken.append(True)

    thread = threading.Thread(target=take)
    thread.start()
    thread.join()
    return bool(taken)


def test_job_files_are_read_once_and_while_the_mirror_is_not_locked(
    api: Api, dataset: LocalDataset, monkeypatch: pytest.MonkeyPatch
):
    reads: list[int] = []
    read = texts.texts_with

    def watched(tx: Connection, part: str, shas: Iterable[str]) -> Iterator[tuple[str, str]]:
        assert is_free(api.server.mirror.lock)
        reads.append(len(some := list(shas)))
        return read(tx, part, some)

    monkeypatch.setattr(texts, "texts_with", watched)
    submit(api, "mnist")
    submit(api, dataset.source)
    [listed] = api.server.datasets.all().datasets
    assert (listed.is_in_use, reads) == (True, [2])
    submit(api, dataset.source)
    assert api.server.datasets.all().datasets == (listed,)
    assert reads == [2]
    with pytest.raises(ConflictError):
        api.server.datasets.remove(ADA, dataset.sha256)
    assert reads == [2]


def test_dataset_is_in_use_until_its_last_job_ends(api: Api, dataset: LocalDataset):
    for _ in range(2):
        job = submit(api, dataset.source)
        with pytest.raises(ConflictError):
            api.server.datasets.remove(ADA, dataset.sha256)
        api.server.cancel(ADA, job)
        api.harness.run(2)
        assert not api.server.datasets.get(dataset.sha256).is_in_use
    api.server.datasets.remove(ADA, dataset.sha256)


def test_last_use_is_known_without_the_disk_and_after_a_restart(api: Api, dataset: LocalDataset):
    api.clock.pass_(100.0)
    submit(api, dataset.source)
    now = api.clock()
    folder = api.server.settings.dataset_folder / dataset.sha256
    hidden = folder.rename(folder.with_name("hidden"))
    assert api.server.datasets.get(dataset.sha256).used_at == now
    hidden.rename(folder)
    api.clock.pass_(100.0)
    api.server.datasets.store.open()
    assert api.server.datasets.get(dataset.sha256).used_at == now
