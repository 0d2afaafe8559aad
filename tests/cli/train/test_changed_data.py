"""A dataset that is imported again, with other samples, after a run was trained on it."""

import shutil
from pathlib import Path

import pytest

from distnet.cli.main import main
from tests.datasets import write_dataset

JOB = """name: changed
network: {kind: mlp, hidden: [4]}
data: {source: data}
train: {steps: 2, batch_size: 16}
"""


def test_what_was_measured_on_changed_data_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text(JOB)
    write_dataset(tmp_path / "data", train=32, test=16)
    assert main(["run", "job.yaml", "--inline", "--no-report", "--name", "a"]) == 0
    assert main(["eval", "a"]) == 0
    assert "note:" not in capsys.readouterr().err
    shutil.rmtree("data")
    write_dataset(tmp_path / "data", train=48, test=16)

    assert main(["eval", "a"]) == 0
    said = capsys.readouterr().err
    assert f"note: {tmp_path}/data has changed since a was trained on it" in said
    assert main(["eval", "a", "--data", "data"]) == 0
    assert "note:" not in capsys.readouterr().err  # a dataset that is named is meant
    longer = ["--inline", "--set", "train.steps=4"]
    assert main(["run", "--resume", "a", *longer]) == 2
