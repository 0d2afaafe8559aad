"""A worker that sees neither run folder nor dataset trains as one that does."""

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from distnet.data.cache.facts import presence_of
from distnet.errors import DataError, StaleAttemptError, StorageError
from distnet.launch.ray.relay.attachment import Attachment
from distnet.launch.ray.relay.changes import leftover
from distnet.launch.ray.relay.folders import Folders, Reach, reach_of
from distnet.launch.ray.relay.reached import RemoteHome, reached, with_dataset
from distnet.launch.ray.relay.scratch import Scratch
from distnet.run_folder.assignment import Assignment
from distnet.run_folder.fence import claim_fence
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.read import read_object
from distnet.run_folder.requests import clear_stop, request_stop
from distnet.run_folder.workers.heartbeat import Stage, read_heartbeats
from distnet.spec.read import read_job_text
from distnet.train.exchange.worker_group import WorkerGroup
from distnet.train.worker import work
from tests.launch.ray.relay.relays import DirectCall, new_run

JOB = """
name: tiny
network: {kind: perceptron}
data: {source: ./stripes}
train: {epochs: 2, batch_size: 100, slices: 2}
checkpoint: {every_steps: 5}
"""


@pytest.fixture(autouse=True)
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of temporary files and the cache of the worker's machine."""
    (tmp_path / "node").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "node"))
    monkeypatch.setenv("DISTNET_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "node"


@pytest.fixture
def folders(tmp_path: Path, stripes: Path) -> Folders:
    made = new_run(tmp_path / "shared" / "tiny-1")
    made.run_folder.metrics.unlink()
    return replace(made, dataset=presence_of(stripes))


@pytest.fixture
def assignment(folders: Folders, stripes: Path) -> Assignment:
    run, code = folders.run_folder, folders.run_folder.code / "0123"
    job = read_job_text(JOB).job.resolved()
    return Assignment(
        job=job,
        job_folder=str(run.path.parent),
        dataset=str(stripes),
        run=folders.run,
        attempt=folders.attempt,
        code=str(code),
    )


def attached(folders: Folders) -> Attachment:
    """The attachment of a worker that sees nothing."""
    own = Attachment(folders, Reach("a1b2", run=False, dataset=""))
    own.attach(DirectCall(folders), 0)
    return own


def train(assignment: Assignment, own: Attachment) -> dict[str, Any]:
    with reached(assignment, own) as (local, home), with_dataset(local, own, 0) as whole:
        return work(whole, WorkerGroup(), home)


def test_it_has_the_bits_records_and_checkpoints_of_one_that_sees_all(
    folders: Folders, assignment: Assignment, node: Path, tmp_path: Path
) -> None:
    seen = new_run(tmp_path / "seen" / "tiny-1").run_folder
    seen.metrics.unlink()

    remote = train(assignment, attached(folders))

    local = work(replace(assignment, run=str(seen.path)), WorkerGroup())
    run = folders.run_folder
    assert remote["weights_sha256"] == local["weights_sha256"]
    assert by_kind(records(run)) == by_kind(records(seen))
    names = [path.name for path in sorted(run.checkpoints.iterdir())]
    assert names == [path.name for path in sorted(seen.checkpoints.iterdir())]
    assert run.evaluation.read_bytes() == seen.evaluation.read_bytes()
    assert read_object(run.plan)["precision"] == "fp32"
    (beat,) = read_heartbeats(run.heartbeats)
    assert (beat.step, beat.stage) == (remote["steps"], Stage.ENDED)
    assert list(node.glob("distnet-worker-*")) == []


def test_it_resumes_from_a_checkpoint_that_it_does_not_see(
    folders: Folders, assignment: Assignment
) -> None:
    request_stop(folders.run_folder)
    stopped = train(assignment, attached(folders))
    clear_stop(folders.run_folder)

    resumed = train(replace(assignment, is_resumed=True), attached(folders))

    assert (stopped["status"], resumed["status"]) == ("stopped", "finished")
    starts = [line["step"] for line in records(folders.run_folder) if line["kind"] == "attempt"]
    assert starts == [0, stopped["steps"]]


def test_a_disk_that_is_full_at_the_end_is_a_matter_of_storage(folders: Folders) -> None:
    own = attached(folders)
    assert own.replica is not None
    own.replica.folder.worker_log(0).write_text("the last line\n")
    folders.run_folder.worker_log(0).mkdir()  # cannot be written

    with pytest.raises(StorageError, match="the last records could not be written: Is a directory"):
        own.release(failed=False)


def test_with_an_object_store_a_full_disk_does_not_keep_checkpoints_out(
    folders: Folders, assignment: Assignment
) -> None:
    own = attached(folders)
    assert own.replica is not None
    assert own.call is not None
    own.replica.folder.worker_log(0).write_text("a line\n")
    folders.run_folder.worker_log(0).mkdir()  # cannot be written
    distant = JOB.replace("every_steps: 5", "every_steps: 5, store: 's3://bucket/runs'")
    far = replace(assignment, job=read_job_text(distant).job.resolved())

    with pytest.raises(OSError, match="Is a directory"):
        RemoteHome(assignment, own.replica, own.call).require_newest()
    RemoteHome(far, own.replica, own.call).require_newest()
    claim_fence(folders.run_folder, folders.attempt + 1)
    with pytest.raises(StaleAttemptError):
        RemoteHome(far, own.replica, own.call).require_newest()
    own.release(failed=True)


def test_an_error_names_the_files_of_the_run_folder(
    folders: Folders, assignment: Assignment, node: Path
) -> None:
    def fail(own: Attachment) -> None:
        with reached(assignment, own) as (local, _):
            assert local.code_folder.is_relative_to(node)
            local.folder.worker_log(0).write_text("the last words\n")
            raise DataError(f"{local.folder.metrics}: damaged")

    with pytest.raises(DataError, match=f"^{folders.run_folder.metrics}: damaged$"):
        fail(attached(folders))

    assert folders.run_folder.worker_log(0).read_text() == "the last words\n"
    assert list(node.glob("distnet-worker-*")) == []


def test_the_launcher_fetches_what_a_killed_worker_could_not_ship(folders: Folders) -> None:
    own = attached(folders)
    log = own.folder.worker_log(0)
    log.write_text("shipped\n")
    assert own.replica is not None
    own.replica.close()
    with log.open("a") as file:
        file.write("my last words\n")

    assert folders.run_folder.copied_log(0).read_text() == str(log)
    assert leftover(str(log)) == b"my last words\n"
    assert leftover(str(log)) == b""
    assert leftover(str(log.with_name("no.log"))) == b""


def test_what_a_killed_worker_has_left_is_removed_by_the_next(node: Path) -> None:
    (node / "distnet-worker-dead").mkdir()
    alive = Scratch()

    Scratch().remove()

    assert list(node.glob("distnet-worker-*")) == [alive.path]


def test_a_worker_sees_a_folder_by_its_mark(folders: Folders, stripes: Path) -> None:
    assert reach_of(folders, "a1b2") == Reach("a1b2", run=True, dataset=str(stripes))
    assert reach_of(folders, "a1b2").is_whole

    folders.run_folder.mark.write_text("of a folder with the same path")

    assert not reach_of(folders, "a1b2").run


def records(folder: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in folder.metrics.read_text().splitlines()]


def by_kind(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorted by kind, as checkpoints end at any time; without what was measured with a clock."""
    timed = ("seconds", "time", "samples_per_second", "stall_seconds", "median_step_seconds")
    found = [{key: each[key] for key in each if key not in timed} for each in records]
    return sorted(found, key=lambda record: str(record["kind"]))
