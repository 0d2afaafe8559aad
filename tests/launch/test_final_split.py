"""Three splits: one to learn from, one to measure on meanwhile, one that is measured at the end."""

import json
from pathlib import Path

import pytest

import distnet
from distnet.cli.main import main
from distnet.data.evaluation_split import evaluation_split, final_split
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.launch.plan import make_plan
from distnet.launch.run import resume
from distnet.report.audit import audit_run
from distnet.report.measured import compared_by
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import read_job, read_job_text
from tests.train.small_runs import planned, run_all, run_alone
from tests.train.small_runs import resume as resume_from

JOB = """name: three
network: {kind: mlp, hidden: [4]}
data: {source: data}
train: {epochs: 2, batch_size: 48, slices: 3}
checkpoint: {every_steps: 1, keep: 9}
"""


@pytest.fixture
def data(tmp_path: Path) -> Manifest:
    """A table with three splits, and a job beside it."""
    rows = [f"{n % 7},{n % 5},{n / 300},{'ab'[n % 7 > 3]}" for n in range(300)]
    (tmp_path / "raw.csv").write_text("\n".join(["a,b,c,label", *rows]))
    (tmp_path / "job.yaml").write_text(JOB)
    return import_dataset(tmp_path / "raw.csv", tmp_path / "data", validation_fraction=0.2)


def test_test_is_measured_once_and_is_the_headline(
    data: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = str(tmp_path / "job.yaml")
    num = {name: split.num_samples for name, split in data.splits.items()}

    assert main(["check", job]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert (
        f"{num['validation']}, the split validation; at the end {num['test']}, the split" in shown
    )
    words = ["--inline", "--no-report", "--runs", str(tmp_path), "--name", "run"]
    assert main(["run", job, *words]) == 0
    printed = capsys.readouterr().err
    assert printed.count("at the end  test loss") == 1
    assert "note: " not in printed
    run = read_run(RunFolder(tmp_path / "run"))
    assert run.split == "validation"
    assert [step for step, _ in run.history.evaluations("validation")] == [4, 8]
    assert run.history.evaluations("test") == ()
    (final,) = run.history.finals
    headline = summarise(run).headline
    assert (final.split, final.step) == ("test", 8)
    assert headline is not None
    assert (headline.name, headline.value) == ("test accuracy", final.metrics["accuracy"])
    compared = compared_by(run)  # a sweep must not choose by the test
    assert compared is not None
    assert compared.name == "validation accuracy"
    assert compared.value == run.history.evaluations("validation")[-1][1]["accuracy"]
    assert {"validation_accuracy", "test_accuracy"} <= summarise(run).metrics.keys()
    assert run.evaluation is not None
    assert (run.evaluation.split, run.evaluation.num_samples) == ("test", num["test"])
    assert audit_run(RunFolder(tmp_path / "run")).faults == []
    for verb in (["show", str(tmp_path / "run")], ["runs", "--runs", str(tmp_path)]):
        assert main(verb) == 0
        assert f"test accuracy {headline.text}" in " ".join(capsys.readouterr().out.split())
    assert main(["eval", str(tmp_path / "run"), "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)
    assert (measured["split"], measured["metrics"]["accuracy"]) == ("test", headline.value)


@pytest.mark.check
def test_what_is_measured_at_the_end_does_not_depend_on_the_workers(
    data: Manifest, tmp_path: Path
) -> None:
    best = ["checkpoint.keep_best=1", "checkpoint.best_metric=macro_f1", "train.epochs=3"]
    job = planned(tmp_path / "job.yaml", *best)
    other = planned(tmp_path / "job.yaml", "evaluate.split=test", *best)
    found = {n: run_all(n, {"job": job}, tmp_path)["job"] for n in (2, 3)}
    found[1] = run_alone(job, tmp_path / "alone")
    resumed = resume_from(job, found[3], 9, tmp_path / "resumed")
    finals = [one.records("final", without=("attempt",)) for one in (*found.values(), resumed)]

    assert all(one.bits == found[1].bits for one in (found[2], found[3], resumed))
    assert all(one == finals[0] and len(one) == 1 for one in finals)
    measured = {r["step"]: r["validation"]["macro_f1"] for r in found[1].records("epoch")}
    (final,) = finals[0]
    assert measured[final["weights_step"]] == max(measured.values())
    without = run_alone(other, tmp_path / "without")
    assert without.records("final") == []
    assert without.outcomes[0]["weights_sha256"] == found[1].outcomes[0]["weights_sha256"]  # type: ignore[index]


@pytest.mark.check
def test_a_longer_training_measures_again_and_shows_the_newest(
    data: Manifest, tmp_path: Path
) -> None:
    run = distnet.run(tmp_path / "job.yaml", inline=True, runs=tmp_path)
    before = read_run(run.folder).history.final

    longer = resume(run.folder.path, inline=True, overrides=["train.epochs=3"])

    history = read_run(run.folder).history
    assert before is not None
    assert [one.step for one in history.finals] == [8, 12]
    assert history.final is not None
    assert longer.metrics["test_accuracy"] == history.final.metrics["accuracy"]


@pytest.mark.parametrize(
    ("evaluate", "expected"),
    [
        ("{}", ("validation", "test")),
        ("{split: test}", ("test", None)),
        ("{split: validation}", ("validation", None)),
        ("{split: validation, final: test}", ("validation", "test")),
        ("{final: train}", ("validation", "train")),
        ("{split: test, final: test}", ("test", None)),
    ],
)
def test_a_job_may_name_both_splits(
    evaluate: str, expected: tuple[str, str | None], data: Manifest
) -> None:
    job = read_job_text(f"{JOB}evaluate: {evaluate}\n").job

    assert (evaluation_split(job, data), final_split(job, data)) == expected


def test_a_final_split_that_is_missing_is_refused(data: Manifest, tmp_path: Path) -> None:
    file = read_job(tmp_path / "job.yaml", overrides=["evaluate.final=exam"])

    with pytest.raises(distnet.DistnetError, match=r"evaluate.final=exam: found 'exam'"):
        make_plan(file)
