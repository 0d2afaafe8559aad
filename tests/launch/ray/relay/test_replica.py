"""What a worker writes to its copy of the run folder is in the run folder."""

import threading
from pathlib import Path

import pytest

from distnet.errors import StaleAttemptError, WorkerFailedError
from distnet.launch.ray.relay import replica as replica_module
from distnet.launch.ray.relay.folders import Folders
from distnet.launch.ray.relay.replica import Replica
from distnet.run_folder.fence import claim_fence, read_fence
from distnet.run_folder.paths import RunFolder
from distnet.run_folder.records.recorder import Recorder
from distnet.run_folder.requests import clear_stop, request_stop, stop_reason
from distnet.run_folder.workers.heartbeat import Heartbeat, Stage, read_heartbeats
from distnet.run_folder.workers.node_ids import read_node, write_node
from distnet.run_folder.write import write_json, write_whole
from tests.launch.ray.relay.relays import DirectCall, new_run

WAIT_S = 20.0


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return new_run(tmp_path / "shared" / "digits-1")


@pytest.fixture
def call(folders: Folders) -> DirectCall:
    return DirectCall(folders)


@pytest.fixture
def replica(call: DirectCall, tmp_path: Path) -> Replica:
    made = Replica(RunFolder(tmp_path / "node" / "digits-1"), 0, call)
    made.fetch()
    return made


def contents(folder: RunFolder) -> dict[str, bytes]:
    files = (path for path in folder.path.rglob("*") if path.is_file())
    shown = (path for path in files if not path.name.startswith(".") and path != folder.mark)
    return {path.relative_to(folder.path).as_posix(): path.read_bytes() for path in shown}


def test_the_copy_has_what_a_worker_reads(folders, replica) -> None:
    assert contents(replica.folder) == contents(folders.run_folder)
    code = replica.folder.code / "0123"
    assert (code / "tool").stat().st_mode & 0o100
    assert not (code / "mynet.py").stat().st_mode & 0o100


@pytest.mark.parametrize("repeats", [False, True])
def test_all_that_a_worker_writes_arrives(folders, call, replica, repeats) -> None:
    call.repeats, own = repeats, replica.folder
    recorder = Recorder(own.metrics, own.tensorboard, attempt=2)
    with Heartbeat(own.heartbeat(0), attempt=2, after_s=60, log=own.worker_log(0)) as heartbeat:
        write_node(own, 0, "a1b2")
        write_json(own.plan, {"precision": "fp32"})
        for step in range(1, 4):
            heartbeat.step(step)
            recorder.emit({"kind": "step", "step": step, "loss": 0.5})
            recorder.emit({"kind": "epoch", "epoch": step, "step": step, "train": {"loss": 0.5}})
            with own.worker_log(0).open("a") as log:
                log.write(f"step {step}\n")
            replica.flush()
        (beat,) = read_heartbeats(folders.run_folder.heartbeats)
        assert (beat.step, beat.stage, beat.attempt) == (3, Stage.COMPUTING, 2)
    write_whole(own.pictures, b"pixels")
    recorder.close()
    replica.flush()

    assert contents(folders.run_folder) == contents(own)
    assert read_node(folders.run_folder, 0) == "a1b2"
    assert folders.run_folder.worker_log(0).read_text() == "step 1\nstep 2\nstep 3\n"


def test_what_is_in_the_run_folder_already_stays(folders, replica) -> None:
    folders.run_folder.worker_log(0).write_text("of attempt 1\n")
    replica.folder.worker_log(0).write_text("of attempt 2\n")

    replica.flush()

    assert folders.run_folder.worker_log(0).read_text() == "of attempt 1\nof attempt 2\n"


def test_a_file_of_many_pieces_arrives_whole(folders, replica, monkeypatch) -> None:
    monkeypatch.setattr("distnet.launch.ray.relay.changes.PIECE_BYTES", 1000)
    monkeypatch.setattr(replica_module, "PIECE_BYTES", 1000)
    text = "0123456789\n" * 500
    replica.folder.worker_log(0).write_text(text)

    replica.flush()

    assert folders.run_folder.worker_log(0).read_text() == text


def test_requests_and_fence_come_to_the_copy(folders, replica) -> None:
    request_stop(folders.run_folder)
    replica.flush()
    assert stop_reason(replica.folder) == "stop"

    clear_stop(folders.run_folder)
    replica.flush()
    assert stop_reason(replica.folder) is None
    assert read_fence(replica.folder) == folders.attempt


def test_a_stale_attempt_writes_nothing_more(folders, replica) -> None:
    claim_fence(folders.run_folder, 1)
    before = contents(folders.run_folder)
    replica.folder.worker_log(0).write_text("late\n")

    with pytest.raises(StaleAttemptError):
        replica.flush()

    assert contents(folders.run_folder) == before


def test_what_a_full_disk_refuses_arrives_later_and_heartbeats_meanwhile(
    folders, replica, monkeypatch
) -> None:
    own, folder = replica.folder, folders.run_folder
    write_node(own, 0, "a1b2")
    replica.flush()
    folder.metrics.rename(folder.path / "aside")
    folder.metrics.mkdir()  # cannot be appended to
    with own.metrics.open("a") as file:
        file.write('{"kind": "note"}\n')
    write_node(own, 0, "c3d4")

    request_stop(folder)

    with pytest.raises(OSError, match="directory"):
        replica.flush()
    assert read_node(folder, 0) == "c3d4"
    assert stop_reason(own) == "stop"
    folder.metrics.rmdir()
    (folder.path / "aside").rename(folder.metrics)
    replica.flush()

    assert folder.metrics.read_bytes() == own.metrics.read_bytes()


def test_the_thread_ships_by_itself(folders, replica) -> None:
    replica.start()
    replica.folder.worker_log(0).write_text("hello\n")
    request_stop(folders.run_folder)

    waited = threading.Event()
    for _ in range(int(WAIT_S / 0.05)):
        if folders.run_folder.worker_log(0).is_file() and replica.folder.stop.is_file():
            break
        waited.wait(0.05)
    replica.close()

    assert folders.run_folder.worker_log(0).read_text() == "hello\n"
    assert stop_reason(replica.folder) == "stop"


def test_a_worker_that_is_cut_off_ends(call, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(replica_module, "END_AFTER_S", 0.0)
    codes, ended = [], threading.Event()

    def end(code: int) -> None:
        codes.append(code)
        ended.set()

    replica = Replica(RunFolder(tmp_path / "node" / "digits-1"), 0, call, end)
    replica.fetch()
    call.error = WorkerFailedError("the relay did not respond for 60 s")

    replica.start()

    assert ended.wait(WAIT_S)
    assert codes == [1]
    with pytest.raises(WorkerFailedError, match="did not respond"):
        replica.flush()
