"""`distnet fetch`, and commands for runs that are given a job of a server."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

import distnet
from distnet.client.client import Client
from distnet.errors import DataError, RunError, RunInUseError
from distnet.protocol.attempt import Report
from distnet.protocol.metrics import Compared, Headline
from distnet.run_folder.owner import Owner, write_owner
from distnet.run_folder.paths import RunFolder
from distnet.server.run_files.checkpoints import list_checkpoints
from distnet.spec.metric import Metric
from tests.cli.results.command import call
from tests.server.harness import Harness, asks
from tests.server.http.api import Api
from tests.server.http.live import live

WEIGHTS = "checkpoints/{}/weights.safetensors"


@dataclass
class Lab:
    """A server whose jobs have run folders, and a user on another machine."""

    harness: Harness
    api: Api
    here: Path
    address: str = ""

    @property
    def there(self) -> Path:
        """The run folder of digits-1 on the cluster."""
        return self.harness.settings.runs / "digits-1"

    def call(self, *arguments: str) -> Result:
        return call(*arguments, runs=self.here)

    def done(self, *arguments: str) -> Result:
        result = self.call(*arguments)
        assert result.exit_code == 0, result.output
        return result

    def error(self, *arguments: str) -> str:
        result = self.call(*arguments)
        assert isinstance(result.exception, RunError | DataError), result.output
        return str(result.exception)

    def fetch(self, *arguments: str) -> Any:
        done = self.done("fetch", "digits-1", "--no-report", "--json", *arguments)
        return json.loads(done.stdout)


@pytest.fixture
def lab(
    tmp_path: Path, trained_runs: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lab]:
    """A server with digits-1, which trains and has learned digits, and digits-2, which waits."""
    monkeypatch.chdir(tmp_path)
    cluster = tmp_path / "cluster"
    with Harness(f"sqlite:///{tmp_path}/ledger.db", cluster) as harness:
        harness.submit(asks(workers=4), steps=10)
        harness.submit(asks(workers=4))
        harness.run(3)
        shutil.copytree(trained_runs / "digits-1", harness.settings.runs / "digits-1")
        api = Api(harness)
        with live(api) as address:
            monkeypatch.setenv("DISTNET_SERVER", address)
            monkeypatch.setenv("DISTNET_TOKEN", api.token("vic"))
            hide(harness, monkeypatch)
            yield Lab(harness, api, tmp_path / "here", address)


def hide(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the user's machine not see the run folders: both are one machine in this test."""
    real = Client.details

    def details(client: Client, job: str) -> Any:
        found = real(client, job)
        return found | {"folder": str(found["folder"]).replace("/cluster/", "/elsewhere/")}

    monkeypatch.setattr(Client, "details", details)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, int]]]:
    """Yield the pieces of files that are downloaded: path and offset."""
    pieces: list[tuple[str, int]] = []
    real = Client.run_file

    def run_file(client: Client, job: str, path: str, **query: Any) -> bytes:
        pieces.append((path, query["offset"]))
        return real(client, job, path, **query)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "run_file", run_file)
        yield pieces


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "fetched.json"
    }


def newest(folder: Path) -> str:
    return max(path.name for path in (folder / "checkpoints").glob("step-*"))


def test_a_job_is_fetched_whole_and_only_once(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.harness.run_until_all_ended()
    first = lab.fetch()
    with counted(monkeypatch) as pieces:
        again = lab.fetch()

    copy, name = contents(lab.here / "digits-1"), newest(lab.there)
    assert {path: data for path, data in contents(lab.there).items() if path in copy} == copy
    assert WEIGHTS.format(name) in copy
    assert {"job.yaml", "metrics.jsonl", "evaluation.json", "logs/worker-0.log"} <= set(copy)
    assert not any(path.startswith(("heartbeats", "fence")) for path in copy)
    assert (first["state"], first["checkpoints"]) == ("finished", [name])
    assert first["page"].endswith("/#/jobs/digits-1")
    assert "distnet export here/digits-1" in first["commands"]
    assert (again, pieces) == (first, [])
    assert not list((lab.here / ".fetch").iterdir())


def test_commands_for_runs_take_a_job(lab: Lab) -> None:
    shown = json.loads(lab.done("show", "digits-1", "--json").stdout)
    at_first = contents(lab.here / "digits-1")
    evaluated = lab.done("eval", "digits-1", "--json")
    exported = lab.done("export", "digits-1", "--format", "safetensors", "--json")

    assert shown["summary"]["status"] == "finished"
    assert not any("weights" in path for path in at_first)
    assert json.loads(evaluated.stdout)["metrics"] == pytest.approx(
        shown["evaluation"]["metrics"], abs=1e-6
    )
    (file,) = json.loads(exported.stdout)["files"]
    assert file.startswith("here/digits-1/export/")
    assert "using the checkpoint of step 300" in exported.stderr


def test_a_run_here_comes_first_and_is_never_replaced(lab: Lab, trained_runs: Path) -> None:
    own = shutil.copytree(trained_runs / "digits-1", lab.here / "digits-1")
    (own / "job.yaml").write_text("name: mine\n")
    before = contents(own)

    shown = lab.done("show", "digits-1", "--json")
    refused = [
        lab.error("fetch", "digits-1"),
        lab.error("eval", "digits-1", "--server", lab.address),
    ]

    assert "using here/digits-1, a run of this machine" in shown.stderr
    for error in refused:
        assert "found another run, of this machine" in error
        assert "--runs DIR" in error
    assert contents(own) == before


def test_a_job_that_trains_is_brought_up_to_date(lab: Lab) -> None:
    old, lines = newest(lab.there), (lab.there / "metrics.jsonl").read_text().splitlines()
    (lab.there / "metrics.jsonl").write_text("\n".join(lines[:-1]) + "\n")
    first = lab.fetch()
    running = json.loads(lab.done("show", "digits-1", "--json").stdout)["summary"]["status"]
    new = lab.there / "checkpoints" / "step-00000301"
    (lab.there / "checkpoints" / old).rename(new)
    with (lab.there / "metrics.jsonl").open("a") as metrics:
        metrics.write(lines[-1] + "\n")

    lab.fetch()

    assert (first["state"], running) == ("running", "running")
    assert [path.name for path in (lab.here / "digits-1" / "checkpoints").iterdir()] == [new.name]
    assert contents(lab.here / "digits-1")["metrics.jsonl"].decode().splitlines() == lines


def test_an_interrupted_fetch_goes_on_where_it_was(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = WEIGHTS.format(newest(lab.there))
    real, size = Client.run_file, (lab.there / path).stat().st_size
    monkeypatch.setattr("distnet.client.download.PIECE_BYTES", size // 3)

    def interrupted(client: Client, job: str, file: str, **query: Any) -> bytes:
        if file == path and query["offset"] > 0:
            raise KeyboardInterrupt
        return real(client, job, file, **query)

    with monkeypatch.context() as patch:
        patch.setattr(Client, "run_file", interrupted)
        stopped = lab.call("fetch", "digits-1", "--no-report")
    with counted(monkeypatch) as pieces:
        lab.fetch()

    assert "what has arrived stays" in stopped.stderr
    assert next(offset for file, offset in pieces if file == path) == size // 3
    assert contents(lab.here / "digits-1")[path] == (lab.there / path).read_bytes()


def test_a_checkpoint_that_arrives_damaged_is_not_kept(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = WEIGHTS.format(newest(lab.there)), Client.run_file

    def flipped(client: Client, job: str, file: str, **query: Any) -> bytes:
        data = real(client, job, file, **query)
        return bytes([data[0] ^ 1, *data[1:]]) if file == path else data

    with monkeypatch.context() as patch:
        patch.setattr(Client, "run_file", flipped)
        refused = lab.error("fetch", "digits-1", "--no-report")

    assert f"{path}: has arrived damaged" in refused
    assert path not in contents(lab.here / "digits-1")
    lab.fetch()
    assert contents(lab.here / "digits-1")[path] == (lab.there / path).read_bytes()


def test_code_of_others_does_not_run_before_it_was_fetched(lab: Lab) -> None:
    code = lab.there / "code" / "0123456789ab" / "mynet.py"
    code.parent.mkdir(parents=True)
    code.write_text("class MyNet: ...\n")

    refused = lab.error("eval", "digits-1")

    assert "this job of ada brings code of its own" in refused
    assert not (lab.here / "digits-1").exists()
    lab.fetch()
    assert (lab.here / "digits-1" / "code" / "0123456789ab" / "mynet.py").is_file()


def test_paths_that_a_server_must_not_send_are_not_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Client.run_files

    def hostile(client: Client, job: str) -> Any:
        files = real(client, job)["files"]
        return {"files": [*files, {"path": "../../evil.py", "num_bytes": 3, "version": "1-1"}]}

    monkeypatch.setattr(Client, "run_files", hostile)
    lab.fetch()

    assert not list(lab.here.parent.rglob("evil.py"))


def test_a_copy_that_was_trained_further_here_is_not_overwritten(lab: Lab) -> None:
    lab.harness.run_until_all_ended()
    lab.fetch()
    with (lab.here / "digits-1" / "metrics.jsonl").open("a") as metrics:
        metrics.write('{"kind": "note", "attempt": 2, "text": "here"}\n')

    assert "was trained further here" in lab.error("fetch", "digits-1")
    assert "as it was at" in lab.done("show", "digits-1").stderr


def test_no_token_goes_to_a_server_that_only_a_run_folder_names(lab: Lab) -> None:
    lab.fetch()
    marker = lab.here / "digits-1" / "fetched.json"
    facts = json.loads(marker.read_text()) | {"server": "http://127.0.0.1:9"}
    marker.write_text(json.dumps(facts))

    shown = lab.done("show", "digits-1")

    assert "no context has its server" in shown.stderr


def test_a_name_without_a_run_says_why(lab: Lab) -> None:
    assert "there is no job digits-9; did you mean digits-" in str(
        lab.call("show", "digits-9").exception
    )
    assert "digits-2 has not begun to train" in str(lab.call("fetch", "digits-2").exception)


def test_the_name_of_a_sweep_leads_to_its_best_job(lab: Lab) -> None:
    lab.harness.run_until_all_ended()
    lab.harness.submit(asks(name="rates", sweep=("optimizer.learning_rate=0.1,0.2",)))
    lab.harness.run(2)
    (attempt,) = (a for a in lab.harness.cluster.attempts.values() if a.job == "rates-2")
    headline = Headline.of(Metric("accuracy", "percent", "higher"))
    compared = Compared(split="test", value=0.9)
    said = Report(is_training=True, headline=headline, split="test", compared=compared)
    lab.harness.server.report(attempt.request.secret, said)

    assert "rates: found a sweep, expected a job; its best job so far is rates-2" in (
        lab.error("fetch", "rates")
    )


def test_without_a_server_a_wrong_name_is_reported_as_before(
    config: Path, tmp_path: Path, trained_runs: Path
) -> None:
    wrong = call("show", "digits-9", runs=trained_runs)

    assert "did you mean digits-1" in str(wrong.exception)
    assert "server" not in str(wrong.exception)


def apart(lab: Lab, name: str = "digits-3") -> Path:
    """Let a job keep its checkpoints in a folder of their own; returns that folder."""
    store, there = lab.here.parent / "scratch", lab.harness.settings.runs / name
    more = {"sets": (f"checkpoint.store={store}",)}
    lab.harness.submit(asks(workers=4, **more), steps=10)
    lab.harness.run_until_all_ended()
    shutil.copytree(lab.there, there)
    store.mkdir()
    (there / "checkpoints").rename(store / name)
    job = there / "job.yaml"
    job.write_text(job.read_text().replace("checkpoint:\n", f"checkpoint:\n  store: {store}\n"))
    records = there / "metrics.jsonl"
    records.write_text(records.read_text().replace('"checkpoints/', f'"{store}/{name}/'))
    return store / name


@pytest.mark.check
def test_checkpoints_in_a_folder_of_their_own_come_along(lab: Lab) -> None:
    folder = apart(lab)
    (folder / "step-00000002").mkdir()
    (folder / "step-00000002" / "notes.txt").write_text("of somebody")
    (folder / "step-00000002" / "state.json").symlink_to(lab.there / "job.yaml")

    fetched = json.loads(lab.done("fetch", "digits-3", "--no-report", "--json").stdout)
    folder.rename(folder.with_name("elsewhere"))
    evaluated = json.loads(lab.done("eval", "digits-3", "--json").stdout)
    removed = json.loads(lab.done("rm", "digits-3", "--yes", "--json").stdout)["removed"]

    newest = fetched["checkpoints"][-1]
    assert newest == "step-00000300"
    assert "distnet export here/digits-3" in fetched["commands"]
    assert evaluated["step"] == 300
    assert removed[0]["checkpoints_left"] == []


@pytest.mark.check
def test_checkpoints_that_the_server_does_not_see_are_named(lab: Lab) -> None:
    folder = apart(lab)
    hidden = folder.rename(folder.with_name("elsewhere"))

    fetched = lab.done("fetch", "digits-3", "--no-report")
    refused = lab.error("eval", "digits-3")
    shown = lab.done("show", "digits-3").stdout
    shutil.copytree(hidden / "step-00000300", lab.here / "digits-3/checkpoints/step-00000300")
    evaluated = json.loads(lab.done("eval", "digits-3", "--json").stdout)

    for said in (fetched.stderr, refused):
        assert f"cannot give the checkpoints in {folder}: it does not see that folder" in said
        assert f"is {folder}/step-00000300 on the machine that wrote it: node-" in said
        assert "Copy that folder into" in said
    assert "none here; the newest of the job is" in " ".join(shown.split())
    assert evaluated["step"] == 300


@pytest.mark.check
def test_a_server_with_another_folder_of_that_path_is_found_out(lab: Lab) -> None:
    folder = apart(lab)
    (folder / "step-00000300").rename(folder / "step-00000100")

    said = lab.done("fetch", "digits-3", "--no-report").stderr

    assert f"does not have {folder}/step-00000300" in said


def test_checkpoints_of_another_user_are_not_given(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = apart(lab)
    monkeypatch.setattr(
        "distnet.server.run_files.run_files.list_checkpoints",
        lambda where, owner: list_checkpoints(where, owner + 1),
    )
    said = lab.done("fetch", "digits-3", "--no-report").stderr

    assert f"{folder}: they belong to another user than the run folder" in said


@pytest.mark.check
def test_runs_and_jobs_are_compared(lab: Lab, trained_runs: Path) -> None:
    shutil.copytree(trained_runs / "digits-1", lab.here / "mine")

    found = json.loads(lab.done("compare", "mine", "digits-1", "--json").stdout)
    named = lab.done("compare", "here/mine", "digits-1", "--server", lab.address, "--json")

    assert found["labels"] == ["mine", "digits-1"]
    assert found["same_weights"] is True
    assert json.loads(named.stdout)["labels"] == found["labels"]
    assert not list((lab.here / "digits-1").glob("checkpoints/*"))


@pytest.mark.check
def test_a_name_that_neither_side_knows_is_named(lab: Lab) -> None:
    assert "there is no job digits-9" in str(lab.call("compare", "digits-1", "digits-9").exception)


def test_python_opens_a_job_as_a_run(lab: Lab) -> None:
    run = distnet.open("digits-1", runs=lab.here)
    records_alone = not list(run.folder.checkpoints.glob("*"))
    expected = distnet.open(lab.there)

    assert records_alone
    assert run.history.equals(expected.history)
    assert run.metrics == expected.metrics
    assert "loss" in run.figures
    assert "digits-1" in run._repr_html_()
    digits = np.zeros((2, 1, 28, 28), np.uint8)
    assert run.predict(digits) == expected.predict(digits)
    assert [path.name for path in run.folder.checkpoints.iterdir()] == [newest(lab.there)]
    assert distnet.open("digits-1", runs=lab.here, server=lab.address).folder == run.folder


@pytest.mark.check
def test_python_says_where_a_name_is_and_where_not(lab: Lab, trained_runs: Path) -> None:
    with pytest.raises(RunError, match=r"digits-9: no such run.*\non http.*no job digits-9"):
        distnet.open("digits-9", runs=lab.here)
    shutil.copytree(trained_runs / "digits-1", lab.here / "digits-1")

    assert distnet.open("digits-1", runs=lab.here).folder.path == Path("here/digits-1")
    with pytest.raises(RunError, match="found another run, of this machine, expected none or a co"):
        distnet.open("digits-1", runs=lab.here, server=lab.address)


@pytest.mark.check
def test_code_of_others_is_not_run_by_a_run_that_was_only_opened(lab: Lab) -> None:
    code = lab.there / "code" / "0123456789ab" / "mynet.py"
    code.parent.mkdir(parents=True)
    code.write_text("class MyNet: ...\n")
    run = distnet.open("digits-1", runs=lab.here)

    with pytest.raises(RunError, match="this job of ada brings code of its own"):
        run.predict(np.zeros((1, 1, 28, 28), np.uint8))


def test_the_run_of_a_job_that_has_not_ended_is_not_removed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = lab.there.parent
    write_owner(RunFolder(lab.there), Owner(lab.harness.ledger.id, "digits-1"))

    named = call("rm", "digits-1", "--yes", runs=runs)
    old = call("rm", "--keep", "0", "--yes", runs=runs)
    with monkeypatch.context() as patch:
        patch.setenv("DISTNET_SERVER", "http://127.0.0.1:9")
        unknown = call("rm", "digits-1", "--yes", runs=runs)
    lab.harness.run_until_all_ended()
    ended = call("rm", "digits-1", "--yes", runs=runs)

    assert isinstance(named.exception, RunInUseError)
    assert "a job of a server; it is running on http" in str(named.exception)
    assert "goes on here; first: distnet cancel digits-1" in str(named.exception)
    assert "digits-1 stays: found the run of digits-1" in old.stderr
    assert "it is not known whether it has ended" in str(unknown.exception)
    assert ended.exit_code == 0
    assert not lab.there.exists()
