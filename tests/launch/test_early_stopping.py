"""A run that stops early is finished: what the commands say of it, and which weights they use."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.errors import RunError
from distnet.report.page import write_report
from distnet.report.run import read_run
from distnet.report.summary import summarise
from tests.cli.results.command import call, parsed

JOB = """
name: early
network: {kind: mlp, hidden: [8]}
data: {source: "DATA"}
optimizer: {kind: adam, learning_rate: 0.05}
train: {epochs: 20, batch_size: 100, early_stopping: {patience: 2, min_delta: 0.01}}
checkpoint: {keep: 1, keep_best: 1}
"""


@pytest.fixture
def job(stripes: Path, tmp_path: Path) -> Path:
    path = tmp_path / "job.yaml"
    path.write_text(JOB.replace("DATA", str(stripes)))
    return path


def test_it_is_finished_and_everything_says_why(job: Path, tmp_path: Path) -> None:
    run = distnet.run(job, inline=True, runs=tmp_path, name="early")
    said, epochs = run.result["stopped_early"], run.result["steps"] // 10
    accuracy = dict(read_run(run.folder).history.evaluations("test"))
    best = max(accuracy, key=lambda step: (accuracy[step]["accuracy"], step))

    assert run.status == "finished"
    assert said == f"stopped early at epoch {epochs}: no better accuracy since epoch {epochs - 2}"
    assert said in " ".join(call("show", "early", runs=tmp_path).stdout.split())
    assert parsed("show", "early", runs=tmp_path)["summary"]["stopped_early"] == said
    assert said.capitalize() in write_report(run.folder).read_text()
    assert parsed("audit", "early", runs=tmp_path)["clean"]
    assert distnet.load(run.folder.path).step == best
    better = summarise(read_run(run.folder)).better
    assert better is None or "use by default" in better.remedy
    with pytest.raises(RunError, match=r"this run stopped early.*--set train\.early_stopping\.pat"):
        distnet.resume(run.folder.path, inline=True)
    (end,) = [
        record
        for record in map(json.loads, run.folder.metrics.read_text().splitlines())
        if record["kind"] == "end"
    ]
    assert end["early"] == said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "train.early_stopping.metric=acuracy",
            "found unknown metric `acuracy`, did you mean `acc",
        ),
        ("train.early_stopping={min_delta: 1}", "patience"),
        ("train.early_stopping.patience=0", "found 0"),
    ],
)
def test_check_names_what_is_wrong(
    change: str, message: str, job: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(job), "--set", change]) == 2

    assert message in capfd.readouterr().err
