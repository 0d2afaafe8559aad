"""Which split is measured, and what is said where none is."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.data.evaluation_split import evaluation_split
from distnet.data.manifest import Manifest, read_manifest
from distnet.launch.plan import make_plan
from distnet.launch.run import resume
from distnet.report.run import read_run
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import read_job, read_job_text
from tests.datasets import write_dataset

JOB = """name: measured
network: {kind: mlp, hidden: [4]}
data: {source: DATA}
train: {epochs: 2, batch_size: 50}
"""


def data_with(folder: Path, *names: str) -> Manifest:
    """A dataset whose test split has these other names."""
    manifest = read_manifest(write_dataset(folder, train=100, test=40))
    splits = {"train": manifest.splits["train"]}
    splits |= {name: manifest.splits["test"] for name in names}
    renamed = manifest.model_copy(update={"splits": splits})
    (folder / "manifest.json").write_text(renamed.to_json())
    return renamed


def job_in(folder: Path) -> Path:
    job = folder / "job.yaml"
    job.write_text(JOB.replace("DATA", "data"))
    return job


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("test", "val"), "val"),
        (("test", "extra"), "test"),
        (("val",), "val"),
        (("extra", "validation"), "validation"),
        (("dev", "valid"), "valid"),
        (("holdout",), "holdout"),
        (("a", "b"), None),
        ((), None),
    ],
)
def test_a_split_for_validation_stands_in_for_test(
    names: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    data = data_with(tmp_path / "data", *names)

    assert evaluation_split(read_job_text(JOB).job, data) == expected
    assert evaluation_split(read_job_text(JOB + "evaluate: {split: a}\n").job, data) == "a"


def test_a_run_is_measured_on_val_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_with(tmp_path / "data", "val")
    job = job_in(tmp_path)

    assert main(["check", str(job)]) == 0
    assert "40, the split val" in capsys.readouterr().out
    words = ["--inline", "--no-report", "--runs", str(tmp_path), "--name", "run"]
    assert main(["run", str(job), *words]) == 0
    printed = capsys.readouterr().err
    assert printed.count("note: measured on the split val") == 2  # at the beginning and the end
    run = read_run(RunFolder(tmp_path / "run"))
    assert (run.split, len(run.history.evaluations("val"))) == ("val", 2)
    assert run.evaluation is not None
    assert run.evaluation.split == "val"
    assert main(["eval", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["split"] == "val"
    longer = resume(tmp_path / "run", inline=True, overrides=["train.epochs=3"])
    assert "val_accuracy" in longer.metrics


def test_nothing_measured_is_said_before_at_the_beginning_and_at_the_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data_with(tmp_path / "data")
    job = job_in(tmp_path)

    (note,) = make_plan(read_job(job)).notes
    assert "nothing is measured: the dataset stripes has no split test (it has: train)" in note
    assert "--test-fraction 0.1" in note
    assert main(["check", str(job)]) == 0
    assert "nothing is measured" in capsys.readouterr().out
    words = ["--inline", "--no-report", "--runs", str(tmp_path), "--json"]
    assert main(["run", str(job), *words]) == 0
    printed = capsys.readouterr()
    assert "note: nothing is measured" in printed.err
    assert json.loads(printed.out)["notes"] == [note]
    assert main(["run", str(job), *words[:-1]]) == 0
    assert capsys.readouterr().err.count("note: nothing is measured") == 2


def test_a_split_that_is_missing_is_refused(stripes: Path) -> None:
    text = JOB.replace("DATA", str(stripes)) + "evaluate: {split: exam}\n"

    with pytest.raises(distnet.DistnetError, match="found 'exam', expected one of train, test"):
        make_plan(read_job_text(text))


@pytest.mark.check
@pytest.mark.parametrize("split", ["train", "seconds"])
def test_a_split_of_any_name_has_its_own_figures(split: str, tmp_path: Path) -> None:
    data_with(tmp_path / "data", "seconds")
    job = job_in(tmp_path)

    run = distnet.run(job, inline=True, runs=tmp_path, overrides=[f"evaluate.split={split}"])

    found = read_run(run.folder)
    assert run.metrics[f"{split}_accuracy"] == found.evaluated["accuracy"]
    assert len(found.history.evaluations(found.split)) == 2
    assert all(epoch.train["loss"] != found.evaluated["loss"] for epoch in found.history.epochs)
