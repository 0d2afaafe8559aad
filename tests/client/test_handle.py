"""`distnet.submit` from Python: what it sends, and what its handle does."""

import io
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

import distnet
from distnet.client.client import Client
from distnet.client.submission import prepare
from distnet.client.target import Target
from distnet.errors import DistnetError, JobFileError, StoppedError, TrainingError
from distnet.protocol.errors import ConflictError, UnavailableError
from tests.client.fake_server import TOKEN, FakeServer, make_attempt, make_job
from tests.datasets import write_dataset

pytestmark = pytest.mark.usefixtures("job_file")


def test_a_submitted_job_is_waited_for_like_a_future(server: FakeServer) -> None:
    server.changes["mine"] = [
        {"state": "running"},
        {"state": "running"},
        {"state": "finished"},
    ]
    server.results["mine"] = {"metrics": {"test_accuracy": 0.98}}

    handle = distnet.submit("digits.yaml", name="mine", workers=2, priority=5, team="vision")

    assert handle.name == "mine"
    assert handle.status == "running"
    assert handle.wait() == "finished"
    assert handle.result()["metrics"] == {"test_accuracy": 0.98}
    [request] = server.submits
    assert (request.workers, request.priority, request.team) == (2, 5, "vision")
    assert request.spec == Path("digits.yaml").read_text()
    assert request.code is None


def test_a_sweep_gives_a_handle_for_each_job(server: FakeServer) -> None:
    handles = distnet.submit("digits.yaml", sweep=["train.seed=1..3"])

    assert [handle.name for handle in handles] == [
        f"digits-sweep-1-{number}" for number in (1, 2, 3)
    ]


def test_a_submit_whose_response_is_lost_is_queued_once(server: FakeServer) -> None:
    server.faults.append("drop")

    handle = distnet.submit("digits.yaml", name="mine")

    assert handle.status == "waiting"
    assert len({request.key for request in server.submits}) == 1
    assert len(server.submits) == 2


def test_a_sweep_whose_responses_are_lost_is_queued_once_and_may_be_looked_for(
    server: FakeServer,
) -> None:
    client = Client(Target(server.url, TOKEN, "--server"), patience_s=0.0)
    submission = prepare("digits.yaml", sweep=["train.seed=1..3"])
    server.faults += ["drop", "drop"]

    with pytest.raises(UnavailableError, match="may be queued all the same") as error:
        submission.send(client)
    again = submission.send(client)

    assert error.value.code == "no_reply"
    assert len(server.jobs) == len(again) == 3
    assert len({request.key for request in server.submits}) == 1


def test_every_submit_is_another(server: FakeServer) -> None:
    distnet.submit("digits.yaml", name="mine")

    with pytest.raises(ConflictError, match="taken"):
        distnet.submit("digits.yaml", name="mine")


def test_all_options_are_sent(server: FakeServer) -> None:
    distnet.submit(
        "digits.yaml",
        overrides=["train.epochs=3"],
        after=["one:any"],
        start_from="two",
        at=datetime(2030, 1, 1, tzinfo=UTC),
        hold=True,
    )

    [request] = server.submits
    assert request.sets == ("train.epochs=3",)
    assert request.after == ("one:any", "two")  # whose checkpoint is wanted must have ended
    assert request.start_from == "two"
    assert (request.at, request.hold) == (1893456000.0, True)


def test_a_faulty_job_file_is_refused_here_with_its_lines(server: FakeServer) -> None:
    Path("digits.yaml").write_text("name: digits\nnetwork: {kind: mlp}\ntrain: {epochs: ten}\n")

    with pytest.raises(JobFileError, match=r"digits.yaml:3 train.epochs: found text 'ten'"):
        distnet.submit("digits.yaml")
    assert server.requests == []


def test_own_files_are_uploaded_once(server: FakeServer) -> None:
    Path("net.py").write_text("class Net: ...\n")
    overrides = ["network.kind=./net.py:Net"]

    distnet.submit("digits.yaml", name="one", overrides=overrides)
    distnet.submit("digits.yaml", name="two", overrides=overrides)

    [(sha256, data)] = server.code.items()
    assert [request.code for request in server.submits] == [sha256, sha256]
    assert zipfile.ZipFile(io.BytesIO(data)).read("net.py") == b"class Net: ...\n"
    assert len([request for request in server.requests if request.startswith("PUT")]) == 1


def test_own_files_of_a_sweep_are_uploaded(server: FakeServer) -> None:
    for name, text in {"a": "import c\n", "b": "", "c": "", "d": ""}.items():
        Path(f"{name}.py").write_text(text)
    distnet.submit("digits.yaml", sweep=["network.kind=./a.py:A,./b.py:B"])

    [data] = server.code.values()
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["a.py", "b.py", "c.py"]
    with pytest.raises(DistnetError, match=r"found no file .*e\.py"):
        distnet.submit("digits.yaml", sweep=["network.kind=./a.py:A,./e.py:B"])


@pytest.mark.parametrize("part", ["network", "task", "data.view", "data.sampler"])
def test_own_parts_of_each_kind_are_uploaded(part: str, server: FakeServer) -> None:
    Path("mine.py").write_text("class Mine: ...\n")
    distnet.submit("digits.yaml", overrides=[f"{part}.kind=./mine.py:Mine"])

    [data] = server.code.values()
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() == ["mine.py"]


def test_own_files_outside_of_the_folder_are_refused(server: FakeServer) -> None:
    with pytest.raises(JobFileError, match="network.kind=../net.py:Net"):
        distnet.submit("digits.yaml", overrides=["network.kind=../net.py:Net"])
    assert server.requests == []


def test_relative_paths_become_absolute(server: FakeServer, tmp_path: Path) -> None:
    write_dataset(tmp_path / "it's", train=4, test=2)
    distnet.submit("digits.yaml", overrides=["data.source=./it's", "checkpoint.store=kept"])
    distnet.submit(
        "digits.yaml", name="two", overrides=["data.source=/data", "checkpoint.store=s3://b"]
    )

    first, second = server.submits
    assert first.sets[2] == f"data.source='{tmp_path}/it''s'"
    assert first.sets[3] == f"checkpoint.store='{tmp_path}/kept'"
    assert second.sets == ("data.source=/data", "checkpoint.store=s3://b")


def test_a_job_that_failed_raises_its_error(server: FakeServer) -> None:
    handle = distnet.submit("digits.yaml", name="mine")
    server.change("mine", state="failed", error="the loss is nan", failure="user_error")

    assert handle.wait() == "failed"
    with pytest.raises(TrainingError, match="the loss is nan"):
        handle.result()


def test_a_stopped_job_has_no_live_attempt(server: FakeServer) -> None:
    handle = distnet.submit("digits.yaml", name="mine")
    live = make_attempt(1)
    server.attempts["mine"] = [live]
    server.changes["mine"] = [
        {"state": "stopping"},
        {"state": "stopped"},
        {"attempts": [live.model_copy(update={"ended_at": 2000.0})]},
    ]

    assert handle.stop() == "stopped"
    assert server.changes["mine"] == []
    with pytest.raises(StoppedError):
        handle.result()


def test_waiting_ends_in_time(server: FakeServer) -> None:
    handle = distnet.submit("digits.yaml", name="mine")

    with pytest.raises(TimeoutError, match="mine is waiting"):
        handle.wait(timeout=0)
    handle.cancel()
    assert handle.wait() == "cancelled"


def test_logs_are_followed_to_their_end(server: FakeServer) -> None:
    handle = distnet.submit("digits.yaml", name="mine")
    server.logs["mine", "run"] = b"epoch 1/10  loss 0.5\n"
    assert "".join(handle.logs()) == "epoch 1/10  loss 0.5\n"

    server.complete.add("mine")

    assert "".join(handle.logs(follow=True)) == "epoch 1/10  loss 0.5\n"


def test_an_unreachable_server_is_reported(config: Path) -> None:
    with pytest.raises(UnavailableError, match="127.0.0.1:9"):
        distnet.submit("digits.yaml", server="http://127.0.0.1:9")


def test_a_handle_shows_its_name(server: FakeServer) -> None:
    server.jobs["x"] = make_job("x")

    assert "mine" in repr(distnet.submit("digits.yaml", name="mine"))
