"""What a run has learned, used from Python by its name."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open

import distnet
from distnet.errors import DataError, JobFileError
from tests.datasets import write_dataset

JOB = """
name: stripes
network: {kind: mlp, hidden: [16]}
data: {source: ./stripes}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 50, slices: 2}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("learned")
    write_dataset(folder / "stripes", train=600, test=100)
    (folder / "job.yaml").write_text(JOB)
    distnet.run(folder / "job.yaml", inline=True, runs=folder / "runs")
    return folder


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> distnet.Run:
    monkeypatch.chdir(folder)
    return distnet.open("stripes-1")


def striped(place: int) -> np.ndarray:
    """An image of the class number `place`, [12, 12]."""
    image = np.full((12, 12), 60, np.uint8)
    image[3 * place + 1] += 120
    return image


def test_arrays_are_predicted(run: distnet.Run) -> None:
    found = run.predict(np.stack([striped(2), striped(0)])[:, None])

    assert [one["class"] for one in found] == ["c", "a"]
    assert [one["class"] for one in run.load().predict(striped(3)[None, None])] == ["d"]


def test_files_are_predicted(run: distnet.Run, tmp_path: Path) -> None:
    paths = [tmp_path / "one.png", tmp_path / "two.png"]
    for path, place in zip(paths, (1, 3), strict=True):
        Image.fromarray(striped(place)).save(path)

    found = run.predict(paths, as_is=True)

    assert [one["class"] for one in found] == ["b", "d"]
    assert run.predict(str(paths[0]), as_is=True) == found[:1]


def test_what_is_no_sample_is_refused_with_what_is_expected(run: distnet.Run) -> None:
    for wrong, found in ((striped(1), r"\[12, 12\]"), (None, r"\[\]")):
        with pytest.raises(DataError, match=rf"shape {found}, expected an array \[n, 1, 12, 12\]"):
            run.predict(wrong)
    with pytest.raises(DataError, match="no-such.png: found no such file"):
        run.predict("no-such.png")


def test_a_run_is_measured_and_exported(run: distnet.Run, tmp_path: Path) -> None:
    evaluation = run.evaluate()
    exported = run.export(tmp_path / "out", formats=["safetensors"])

    assert {f"test_{name}": value for name, value in evaluation["metrics"].items()} == run.metrics
    assert [file.name for file in exported.files] == ["stripes-1.safetensors"]
    with safe_open(exported.files[0], "numpy") as file:
        assert file.metadata()["weights_sha256"] == run.result["weights_sha256"]


def test_a_run_is_loaded_and_resumed_by_name(run: distnet.Run, folder: Path) -> None:
    whole = distnet.run("job.yaml", inline=True, name="whole", overrides={"train.epochs": 3})
    distnet.run("job.yaml", inline=True, name="part", overrides=["train.steps=12"])

    resumed = distnet.resume("part", inline=True, overrides={"train.epochs": 3})

    assert distnet.load("stripes-1").step == 24
    assert repr(resumed).startswith("<Run part: finished, ")
    assert resumed.result["weights_sha256"] == whole.result["weights_sha256"]
    assert distnet.open(whole).history["step"].iloc[-1] == 36


def test_overrides_are_a_dict_or_texts(run: distnet.Run) -> None:
    small = {"train.steps": np.int64(1), "optimizer.learning_rate": 1e-5, "network.hidden": (4,)}
    done = distnet.run("job.yaml", inline=True, name="small", overrides=small)

    text = done.folder.job.read_text()
    assert "learning_rate: 1.0e-05" in text or "learning_rate: 1e-05" in text
    assert done.result["steps"] == 1
    with pytest.raises(JobFileError, match="train.steps: found <object.*expected what a job file"):
        distnet.run("job.yaml", inline=True, overrides={"train.steps": object()})
    with pytest.raises(JobFileError, match="train.epochs=many: found text 'many', exp"):
        distnet.run("job.yaml", inline=True, overrides="train.epochs=many")
