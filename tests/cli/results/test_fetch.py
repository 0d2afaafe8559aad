"""`distnet fetch`, and commands for runs that are given a job of a server."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from distnet.client.client import Client
from distnet.errors import DataError, RunError
from distnet.protocol.attempt import Report
from distnet.protocol.metrics import Compared, Headline
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
