"""`distnet run` as a person uses it: what it leaves, what it says, what it refuses."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from distnet.cli.main import main

JOB = """name: stripes
network: {kind: mlp, hidden: [16]}
data: {source: DATASET}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 3, batch_size: 32, slices: 4}
"""
KEYS = {
    "run", "folder", "status", "workers", "slices", "steps", "epochs", "metrics",
    "samples_per_second", "seconds", "first_step_s", "weights_sha256",
}  # fmt: skip


@pytest.fixture
def job(tmp_path: Path, stripes: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATASET", str(stripes)))
    return path


def run_json(
    capsys: pytest.CaptureFixture[str], *arguments: str, report: bool = False
) -> tuple[int, Any]:
    """Run without a report by default, which would take longer than the training."""
    code = main(["run", *arguments, "--json", *([] if report else ["--no-report"])])
    return code, json.loads(capsys.readouterr().out)


def test_run_leaves_a_complete_run_folder(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, result = run_json(capsys, str(job), "--inline", report=True)

    folder = Path(result["folder"])
    assert code == 0
    assert result.keys() >= KEYS
    assert result["status"] == "finished"
    assert result["steps"] == 3 * 32
    assert result["metrics"]["test_accuracy"] > 0.9
    assert folder == Path("runs/stripes-1")
    for name in ("job.yaml", "plan.json", "environment.json", "evaluation.json", "pictures.npz"):
        assert (folder / name).stat().st_size > 0
    assert json.loads((folder / "result.json").read_text()) == result
    assert list((folder / "tensorboard").glob("events*"))
    assert len(list((folder / "figures").glob("*.png"))) >= 5
    assert "stripes-1" in (folder / "report.html").read_text()
    assert not list(folder.rglob("*partial*"))


def test_run_ends_with_one_line_of_facts_however_narrow_the_terminal_is(
    job: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")

    assert main(["run", str(job), "--inline", "--no-report"]) == 0

    [facts] = [line for line in capsys.readouterr().err.splitlines() if " steps in " in line]
    result = json.loads(Path("runs/stripes-1/result.json").read_text())
    assert facts.startswith("96 steps in ")
    assert facts.endswith(f"  weights {result['weights_sha256'][:12]}")


def test_run_numbers_its_runs_and_gives_the_same_weights(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = run_json(capsys, str(job), "--inline")
    _, second = run_json(capsys, str(job), "--inline")

    assert (first["run"], second["run"]) == ("stripes-1", "stripes-2")
    assert first["weights_sha256"] == second["weights_sha256"]


def test_resolved_job_trains_to_the_same_weights(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, first = run_json(capsys, str(job), "--inline")
    _, again = run_json(capsys, first["folder"] + "/job.yaml", "--inline")

    assert first["weights_sha256"] == again["weights_sha256"]


def test_run_can_be_trained_for_longer(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, first = run_json(capsys, str(job), "--inline", "--name", "short")
    longer = ["--resume", "short", "--inline", "--set", "train.epochs=5"]
    _, more = run_json(capsys, *longer)
    _, whole = run_json(capsys, str(job), "--inline", "--set", "train.epochs=5")

    assert (first["steps"], more["steps"]) == (96, 160)
    assert more["weights_sha256"] == whole["weights_sha256"]  # the schedule is constant


@pytest.fixture
def stopped(job: Path) -> Path:
    """A run that got one Ctrl-C while training."""
    ended = run_and_interrupt(job, "--set", "train.epochs=2000")

    assert ended.returncode == 130
    assert "distnet run --resume" in ended.stderr
    return Path("runs/stripes-1")


def run_and_interrupt(job: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "distnet.cli", "run", str(job), "--inline", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    printed = ""
    while "epoch" not in printed:
        line = process.stderr.readline()
        assert line, printed
        printed += line
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, printed + err)


def test_an_interrupted_run_resumes_to_the_same_weights(
    stopped: Path, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = json.loads((stopped / "result.json").read_text())
    steps = result["steps"] + 50

    options = ["--inline", "--set", f"train.steps={steps}"]
    _, resumed = run_json(capsys, "--resume", "stripes-1", *options)
    _, whole = run_json(capsys, str(job), *options)

    assert result["status"] == "stopped"
    assert resumed["status"] == "finished"
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert not (stopped / "stop").exists()


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    """The message of a refusal, which must be text and leave no run folder."""
    assert main(["run", *arguments]) == code
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    return " ".join(printed.split())


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("network.kind=nlp", "did you mean `mlp`"),
        ("network.hiden=[4]", "did you mean `hidden`"),
        ("train.slices=5000", "batch"),
        ("data.source=mnits", "mnist"),
        ("evaluate.split=valid", "expected one of train, test"),
        ("network.kind=./absent.py:Net", "absent.py"),
        ("task.kind=regress", "classify"),
        ("optimizer.kind=sdg", "sgd"),
        ("train.epochs=0", "above 0"),
    ],
)
def test_run_refuses_what_does_not_fit(
    job: Path, change: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    message = refused(capsys, str(job), "--inline", "--set", change)

    assert expected in message
    assert change.partition(".")[0] in message
    assert not Path("runs").exists()


def test_run_refuses_gpus_that_are_not_there(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    message = refused(capsys, str(job), "--inline", "--set", "resources.gpus=1")

    assert "resources.gpus" in message
    assert "no GPU" in message


def test_run_refuses_more_workers_than_slices(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "train.slices" in refused(capsys, str(job), "--workers", "5")


def test_run_refuses_a_name_that_is_taken(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("runs/mine").mkdir(parents=True)

    assert "'mine' is taken" in refused(capsys, str(job), "--inline", "--name", "mine")
    assert "--name" in refused(capsys, str(job), "--inline", "--name", "../mine")


def test_run_refuses_a_damaged_shard(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = Path(json.loads(json.dumps(job.read_text().split("source: ")[1].split("}")[0])))
    copy = Path("copy")
    copy.mkdir()
    for file in data.iterdir():
        content = file.read_bytes()
        (copy / file.name).write_bytes(content if file.suffix == ".json" else content[:-100])

    message = refused(capsys, str(job), "--inline", "--set", "data.source=copy")

    assert "train-00000.parquet" in message


def test_run_refuses_a_folder_it_cannot_write(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("file").write_text("")

    assert "--runs" in refused(capsys, str(job), "--inline", "--runs", "file")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")
def test_run_on_a_full_disk_leaves_nothing(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = Path("small")
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "none", small], check=True)
    try:
        message = refused(capsys, str(job), "--inline", "--runs", "small")
        assert "No space left" in message
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


def test_run_whose_loss_explodes_fails_with_the_step(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explode = ["optimizer.kind=sgd", "optimizer.learning_rate=1e30"]
    sets = [text for change in explode for text in ("--set", change)]

    message = refused(capsys, str(job), "--inline", *sets, code=3)

    last = json.loads(Path("runs/stripes-1/metrics.jsonl").read_text().splitlines()[-1])
    assert "step 2" in message
    assert "learning_rate" in message
    assert last["status"] == "failed"
    assert main(["report", "stripes-1"]) == 0


def test_run_refuses_to_resume_what_is_finished_or_absent(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, str(job), "--inline", "--set", "train.epochs=1")

    assert "finished" in refused(capsys, "--resume", "stripes-1", "--inline")
    assert "stripes-1" in refused(capsys, "--resume", "stripes-2", "--inline")


@pytest.mark.parametrize("name", ["plan.json", "result.json"])
def test_run_refuses_to_resume_over_a_damaged_file_and_names_it(
    name: str, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, str(job), "--inline", "--set", "train.epochs=1")
    longer = ["--inline", "--set", "train.epochs=2"]
    file = Path("runs/stripes-1", name)

    for damage in (b"\x83\xff", b"[]", b'{"job'):
        file.write_bytes(damage)
        message = refused(capsys, "--resume", "stripes-1", *longer)
        assert re.search(rf"{name}: (missing or )?damaged", message)


def test_run_refuses_to_resume_with_another_job(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, str(job), "--inline", "--set", "train.epochs=1")
    other = ["--set", "train.epochs=2", "--set", "train.seed=9"]

    message = refused(capsys, "--resume", "stripes-1", "--inline", *other)
    assert "--set changes what the run trains (train.seed)" in message
    code, result = run_json(capsys, "--resume", "stripes-1", "--inline", *other[:2])
    assert (code, result["status"]) == (0, "finished")  # the refusal has changed nothing


def test_an_edited_job_file_is_said_and_not_used(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_json(capsys, str(job), "--inline", "--set", "train.epochs=1")
    job.write_text(job.read_text().replace("batch_size: 32", "batch_size: 16"))

    assert main(["run", "--resume", "stripes-1", "--inline", "--set", "train.epochs=2"]) == 0

    said = capsys.readouterr().err
    assert "note: job.yaml has changed since stripes-1 began: the run continues with its" in said
    assert "2/2" in said
    assert "64 steps" in said


OWN = """import torch
class Net(torch.nn.Module):
    def __init__(self, input_shape, num_outputs, *, width: int = 8):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Flatten(), torch.nn.Linear(144, width), torch.nn.ReLU(),
            torch.nn.Linear(width, num_outputs))
    def forward(self, x):
        return self.layers(x)
"""


SEQUENTIAL = """from torch import nn

class Net(nn.Sequential):
    def __init__(self, input_shape, num_outputs):
        super().__init__(nn.Flatten(), nn.Linear(144, 3))
"""


def test_run_trains_a_users_own_network(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mynet.py").write_text(OWN)
    job.write_text(job.read_text().replace("mlp, hidden: [16]", "'./mynet.py:Net', width: 12"))

    code, result = run_json(capsys, str(job), "--inline")

    assert code == 0
    assert result["metrics"]["test_accuracy"] > 0.9


OWN_TASK = """import torch
from distnet.spec.metric import Metric
from distnet.tasks.task import Summary
class Distance:
    metrics = (Metric("hits", "percent", "higher"),)
    training = ("hits",)
    def __init__(self, data, *, power: float = 2.0):
        self.num_outputs, self._power = len(data.y.classes), power
    def _off(self, outputs, targets):
        wanted = torch.nn.functional.one_hot(targets, self.num_outputs)
        return (outputs - wanted).abs().pow(self._power).sum(1)
    def losses(self, outputs, targets):
        return self._off(outputs, targets)
    def scores(self, outputs, targets):
        return {"hits": (outputs.argmax(1) == targets).float()}
    def sums(self, outputs, targets):
        hits = self.scores(outputs, targets)["hits"].sum()
        return torch.stack([hits, torch.tensor(float(len(targets)))]).double()
    def summarise(self, sums):
        hits, count = sums.tolist()
        return Summary({"hits": hits / count})
    def prediction(self, output):
        return {"class": "abcd"[int(output.argmax())], "probability": float(output.max())}
"""


def test_run_trains_a_users_own_task(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("mytask.py").write_text(OWN_TASK)
    job.write_text(job.read_text() + "task: {kind: './mytask.py:Distance', power: 3}\n")

    code, result = run_json(capsys, str(job), "--inline", report=True)

    assert code == 0
    assert result["metrics"]["test_hits"] > 0.9
    assert "hits" in Path(result["folder"], "report.html").read_text()
    for verb in ("show", "eval", "export"):
        assert main([verb, result["run"]]) == 0


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (OWN.replace("144", "100"), "does not accept inputs [1, 12, 12]"),
        (
            OWN.replace("width, num_outputs", "width, 3"),
            "Net.forward returned a Tensor [8, 3] of float32, expected a tensor [8, 4] of outputs",
        ),
        (SEQUENTIAL, "(here: evaluation) (mynet.py:4)"),  # whose forward is torch's own
        (
            SEQUENTIAL.replace("144", "100"),
            "it raised RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x144 and 100x3)",
        ),
        ("raise RuntimeError('no')", "mynet.py"),
        ("class Net(:", "mynet.py"),
        ("class Other: pass", "Other"),
    ],
)
def test_run_refuses_a_users_network_that_does_not_fit(
    job: Path, broken: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mynet.py").write_text(broken)
    job.write_text(job.read_text().replace("mlp, hidden: [16]", "'./mynet.py:Net'"))

    assert expected in refused(capsys, str(job), "--inline")
