"""`distnet chaos` refuses what it cannot do before it starts anything."""

import json
from pathlib import Path

import pytest

from distnet.cli.main import main

JOB = str(Path(__file__).parents[3] / "jobs" / "digits.yaml")


def chaos(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["chaos", *arguments, "--json"])
    return code, json.loads(capsys.readouterr().out)["error"]["message"]


def test_chaos_names_the_kinds_when_one_is_unknown(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    code, message = chaos(capsys, JOB, "--kill", "worker,laptop")

    assert code == 2
    assert "found laptop, expected some of worker, worker0, other, controller" in message
    assert list(tmp_path.iterdir()) == []


def test_chaos_reports_the_faults_of_a_job_file_with_their_lines(capsys, tmp_path):
    job = tmp_path / "job.yaml"
    job.write_text("name: a\nnetwork: {kind: mlp}\ntrain: {steps: none}\n")

    code, message = chaos(capsys, str(job), "--runs", str(tmp_path / "runs"))

    assert code == 2
    assert "job.yaml:3 train.steps" in message
    assert not (tmp_path / "runs").exists()


def test_chaos_refuses_nodes_that_would_share_gpus(capsys, tmp_path):
    sets = ["--set", "resources.gpus=1", "--runs", str(tmp_path)]

    code, message = chaos(capsys, JOB, "--kill", "raylet", *sets)

    assert code == 2
    assert "leave raylet out of --kill" in message


def test_chaos_refuses_the_folder_of_other_trials(capsys, tmp_path):
    (tmp_path / "chaos.json").write_text("{}")

    code, message = chaos(capsys, JOB, "--runs", str(tmp_path))

    assert code == 2
    assert "chaos.json: found damaged" in message


def test_chaos_reports_why_a_job_fails_without_faults(capsys, tmp_path):
    missing = ["--set", "data.source=./missing", "--runs", str(tmp_path)]

    code, message = chaos(capsys, JOB, *missing)

    assert code == 2
    assert "the job fails even without faults" in message
    assert "missing" in message
