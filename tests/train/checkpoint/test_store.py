"""Stores: folders and addresses; S3 is a real server on this machine."""

import multiprocessing
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import fsspec
import pytest

from distnet.errors import CheckpointError, RunError, StaleAttemptError, StorageError
from distnet.run_folder.paths import RunFolder
from distnet.spec.sections.job import Checkpoint
from distnet.train.checkpoint import durable
from distnet.train.checkpoint.checkpoint import list_names, read_newest, write_checkpoint
from distnet.train.checkpoint.retention import Retention
from distnet.train.checkpoint.store import Store, check_store, open_store
from tests.train.checkpoint.checkpoints import FILES, is_same, state

BUCKET = "training"
CRASHED = 77
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """The query of an address of a real S3 server on 127.0.0.1 that has one bucket."""
    from moto.server import ThreadedMotoServer

    before = {key: os.environ.get(key) for key in KEYS}
    os.environ |= KEYS
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    query = f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
    system_of(query).create_dir(BUCKET)
    yield query
    server.stop()
    for key, value in before.items():
        os.environ.pop(key) if value is None else os.environ.update({key: value})


def system_of(query: str) -> Any:
    from pyarrow.fs import S3FileSystem

    options = dict(parse_qsl(query.removeprefix("?")))
    return S3FileSystem(**options, allow_bucket_creation=True)


@pytest.fixture(params=["folder", "file", "memory", pytest.param("s3", marks=pytest.mark.check)])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Each kind of store, empty."""
    match request.param:
        case "folder":
            return "saved"
        case "file":
            return f"file://{tmp_path}/a%20folder"
        case "memory":
            return f"memory://{tmp_path.name}"
    return f"s3://{BUCKET}/{tmp_path.name}{request.getfixturevalue('s3')}"


def opened(address: str, folder: Path) -> Store:
    return open_store(address, run=RunFolder(folder / "runs/digits-1"), job_folder=folder)


def test_store_gives_back_what_was_saved_and_keeps_the_newest(address: str, tmp_path: Path) -> None:
    store = opened(address, tmp_path)
    retention = Retention(store, Checkpoint(keep=2))
    assert list_names(store) == []
    with pytest.raises(CheckpointError, match="no whole checkpoint is left"):
        read_newest(store)

    for step in (9, 10, 11):
        write_checkpoint(store, state(step, numbers=2_000_000))
        retention.prune()

    assert list_names(opened(address, tmp_path)) == ["step-00000010", "step-00000011"]
    assert is_same(read_newest(store), state(11, numbers=2_000_000))
    assert store.address().endswith("digits-1")
    assert "endpoint" not in store.address("step-00000011")


def test_store_of_another_run_is_not_touched(address: str, tmp_path: Path) -> None:
    write_checkpoint(opened(address, tmp_path), state(1))
    other = open_store(address, run=RunFolder(tmp_path / "runs/digits-2"), job_folder=tmp_path)

    assert list_names(other) == []


def test_damaged_checkpoint_of_a_store_is_skipped(address: str, tmp_path: Path) -> None:
    store = opened(address, tmp_path)
    chance = random.Random(5)
    for number in range(0, 8 if address.startswith("s3") else 40, 2):
        write_checkpoint(store, state(number))
        write_checkpoint(store, state(number + 1))
        damage_file(store, address, chance.choice(FILES), chance)

        assert is_same(read_newest(store), state(number)), f"number {number}"
        assert store.has_damaged()


def damage_file(store: Store, address: str, name: str, chance: random.Random) -> None:
    """Flip a bit, cut off an end, empty or delete one file of the newest checkpoint."""
    system, folder = fsspec_of(address), store.address(store.names()[-1])
    [path] = [p for p in system.find(folder) if p.endswith(name) and "aside" not in p]
    data = bytearray(system.cat_file(path))
    offset = chance.randrange(len(data))
    flipped = data[:offset] + bytes([data[offset] ^ 1 << chance.randrange(8)]) + data[offset + 1 :]
    if chance.random() < 0.25:
        system.rm_file(path)
        return
    system.pipe_file(path, bytes(chance.choice([flipped, data[:offset], b""])))


def fsspec_of(address: str) -> Any:
    if address.startswith("s3://"):
        from fsspec.implementations.arrow import ArrowFSWrapper

        return ArrowFSWrapper(system_of(address[address.index("?") :]))
    return fsspec.filesystem("memory" if address.startswith("memory") else "file")


def test_half_written_checkpoint_is_none_and_goes_with_the_next_commit(
    address: str, tmp_path: Path
) -> None:
    store = opened(address, tmp_path)
    write_checkpoint(store, state(1))
    for attempt in (1, 2, 3):
        draft = store.draft("step-00000005", attempt)
        draft.put("weights.safetensors", [b"half"])

    write_checkpoint(store, state(7), attempt=2)

    assert list_names(store) == ["step-00000001", "step-00000007"]
    left = {
        p for p in files_of(store, address) if "step-00000001" not in p and "-00000007" not in p
    }
    assert len(left) == 1, "what a newer attempt is writing stays"
    write_checkpoint(store, state(8), attempt=3)
    assert len(files_of(store, address)) == 3 * len(FILES)


def files_of(store: Store, address: str) -> list[str]:
    system = fsspec_of(address)
    folder = store.address().removeprefix("file://").removeprefix("s3://").replace("%20", " ")
    return [str(path) for path in system.find(folder)]


def test_draft_that_has_become_a_checkpoint_cannot_be_discarded(
    address: str, tmp_path: Path
) -> None:
    """A store may say that a commit failed which it has made."""
    store = opened(address, tmp_path)
    draft = store.draft("step-00000005", 1)
    path = draft.put("weights.safetensors", [b"whole"])
    draft.commit(b"{}", lambda: None)

    draft.discard()

    assert store.read("step-00000005", path) == b"whole"


def test_attempt_that_has_lost_the_run_commits_nothing(address: str, tmp_path: Path) -> None:
    store = opened(address, tmp_path)
    write_checkpoint(store, state(1))
    before = files_of(store, address)

    def refuse() -> None:
        raise StaleAttemptError("attempt 2 now trains this run")

    with pytest.raises(StaleAttemptError):
        write_checkpoint(store, state(2), allow=refuse)

    assert files_of(store, address) == before


@pytest.mark.check
def test_store_that_stops_responding_is_no_damage(s3: str, tmp_path: Path) -> None:
    address = f"s3://{BUCKET}/{tmp_path.name}{s3}"
    write_checkpoint(opened(address, tmp_path), state(1))
    host = s3.split("=", 1)[1].split("&", maxsplit=1)[0]
    gone = opened(address.replace(host, "127.0.0.1:9"), tmp_path)

    with pytest.raises(StorageError, match="the store cannot be read"):
        read_newest(gone)
    with pytest.raises(OSError, match=r"\S"):
        write_checkpoint(gone, state(2))
    assert is_same(read_newest(opened(address, tmp_path)), state(1))


def commit_until(address: str, folder: Path, count: int) -> None:
    """In a process of its own: commit, and end without a word before operation `count`."""
    passed = 0

    def crash(_: str) -> None:
        nonlocal passed
        passed += 1
        if passed == count:
            os._exit(CRASHED)

    durable.LISTENERS.append(crash)
    os.environ |= KEYS  # the server that forks may be older than those of the test
    write_checkpoint(opened(address, folder), state(2))


@pytest.mark.check
def test_process_that_ends_while_it_writes_to_s3_loses_nothing(s3: str, tmp_path: Path) -> None:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.train.checkpoint.test_store"])
    for count in (3, 8, 14, 99):
        address = f"s3://{BUCKET}/{tmp_path.name}/{count}{s3}"
        store = opened(address, tmp_path)
        write_checkpoint(store, state(1))

        process = context.Process(target=commit_until, args=(address, tmp_path, count))
        process.start()
        process.join()

        assert process.exitcode == (0 if count == 99 else CRASHED)
        assert is_same(read_newest(store), state(2 if count == 99 else 1))
        write_checkpoint(store, state(3), attempt=2)
        assert is_same(read_newest(store), state(3))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("s4://bucket/folder", "'s4://bucket/folder', which cannot be used: .*s4"),
        ("s3:bucket", "'s3:bucket', expected a folder, or an address such as s3://bucket/folder"),
        ("", "'', expected a folder"),
        ("s3://key:secret@bucket/folder", "a password in the address"),
        ("s3://bucket/folder?colour=red", "'s3://bucket/folder', which cannot be used: .*colour"),
        ("file://host/folder", "expected a file address"),
        ("taken/below", "taken, which is a file; expected a folder"),
    ],
)
def test_address_that_cannot_be_used_is_refused(address: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")

    with pytest.raises(RunError, match=message):
        check_store(address, job_folder=tmp_path)


@pytest.mark.check
def test_bucket_that_is_not_there_is_refused(s3: str, tmp_path: Path) -> None:
    check_store(f"s3://{BUCKET}/folder{s3}", job_folder=tmp_path)
    with pytest.raises(RunError, match="there is no bucket nowhere"):
        check_store(f"s3://nowhere/folder{s3}", job_folder=tmp_path)


def test_check_writes_nothing(tmp_path: Path) -> None:
    check_store("new/folder", job_folder=tmp_path)

    assert list(tmp_path.iterdir()) == []
