"""What `check` says of the time that a run takes, and of cores that would be idle."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main
from distnet.launch.pace.estimate import Estimate, idle_note
from distnet.launch.plan import make_plan
from distnet.spec.read import read_job

JOB = """name: timed
network: {kind: mlp, hidden: [8]}
data: {source: DATA}
train: {epochs: 3, batch_size: 100, slices: 4}
"""


@pytest.fixture
def job(tmp_path: Path, stripes: Path) -> Path:
    (tmp_path / "job.yaml").write_text(JOB.replace("DATA", str(stripes)))
    return tmp_path / "job.yaml"


def test_the_time_of_the_run_follows_from_a_step_and_an_evaluation(
    job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(job), "--json"]) == 0

    plan = json.loads(capsys.readouterr().out)
    found = plan["estimate"]
    assert found["step_s"] > 0
    assert found["num_evaluations"] == 3
    expected = plan["steps"] * found["step_s"] + 3 * found["evaluation_s"]
    assert found["seconds"] == pytest.approx(expected)
    assert plan["notes"] == []  # a run of seconds is not worth a second worker
    assert main(["check", str(job)]) == 0
    assert "on this machine: steps of" in capsys.readouterr().out


def test_idle_cores_of_a_long_run_are_said(job: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = read_job(job)
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    long = Estimate(step_s=1.0, evaluation_s=0.0, num_evaluations=0, seconds=600.0)

    found = idle_note(file, make_plan(file, workers=1), long)
    assert found == (
        "1 of 8 cores compute: 4 workers would take about 25% of the time; set resources.workers: "
        "4, or --workers 4"
    )
    assert idle_note(file, make_plan(file, workers=4), long) == ""
    assert idle_note(file, make_plan(file, workers=1), None) == ""


@pytest.mark.parametrize("verb", ["check", "run"])
def test_several_workers_in_one_process_are_refused(
    verb: str, job: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([verb, str(job), "--inline", "--workers", "8"]) == 2

    message = capsys.readouterr().err
    assert "--inline: found --workers 8 beside it, expected none" in message
    assert not (job.parent / "runs").exists()
