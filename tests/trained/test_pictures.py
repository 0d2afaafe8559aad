"""A network that learned from images sees the same pixels of a file, whoever reads it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError, DataWarning
from distnet.launch.run import run
from distnet.trained.evaluate import evaluate
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict

JOB = """
name: sides
network: {kind: mlp, hidden: [8]}
data: {source: ./data}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 8, batch_size: 24, slices: 2}
"""
COLUMNS = {"left": 2, "middle": 10, "right": 18}


def draw(folder: Path, classes: list[str], num: int, seed: int = 0) -> Path:
    """White squares on black, of 48 x 48 pixels, whose class is where they are."""
    random = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(num):
            pixels = np.zeros((24, 24), np.uint8)
            top, left = random.integers(0, 20), COLUMNS[name] + random.integers(-2, 3)
            pixels[top : top + 4, left : left + 4] = 255
            image = Image.fromarray(pixels).resize((48, 48))
            image.save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("sides")
    draw(folder / "raw" / "train", list(COLUMNS), 40)
    draw(folder / "raw" / "test", list(COLUMNS), 5, seed=1)
    import_dataset(folder / "raw", folder / "data", options={"size": (24, 24)})
    (folder / "sides.yaml").write_text(JOB)
    return load_trained(run(folder / "sides.yaml", inline=True, runs=folder / "runs").folder.path)


def test_prediction_of_a_file_is_that_of_its_sample(trained: Trained) -> None:
    folder = trained.job_folder
    samples = ShardReader(folder / "data", read_manifest(folder / "data"), "test").read_all()
    files = [
        folder / "raw" / "test" / name / f"{n}.png"
        for name in trained.data.y.classes
        for n in range(5)
    ]

    said = predict(trained, files)

    expected = [one for x in samples["x"] for one in trained.predict(x[None])]
    assert [{k: v for k, v in one.items() if k != "file"} for one in said] == expected
    assert [one["class"] for one in said] == [Path(one["file"]).parent.name for one in said]


def test_how_pictures_of_figures_are_read_is_said(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    file = trained.job_folder / "raw" / "test" / "right" / "0.png"
    command = ["predict", str(trained.folder.path), str(file), "--json"]
    assert main(command) == 0
    said = capsys.readouterr()
    assert "note: images are read as at the import" in said.err
    (as_is,) = json.loads(said.out)
    assert as_is["class"] == "right"

    assert main([*command, "--centre"]) == 0
    said = capsys.readouterr()
    assert "read as" not in said.err
    (centred,) = json.loads(said.out)
    assert centred["probability"] != as_is["probability"]


def test_labels_are_compared_by_name_where_classes_are_missing(
    trained: Trained, tmp_path: Path
) -> None:
    draw(tmp_path / "raw", ["middle", "right"], 6, seed=2)
    options = {"size": (24, 24)}
    import_dataset(tmp_path / "raw", tmp_path / "data", test_fraction=0, options=options)

    with pytest.warns(DataWarning, match="2 of the 3 classes.*by their names"):
        found = evaluate(trained.folder.path, data=str(tmp_path / "data"), split="train")

    assert found["metrics"]["accuracy"] == 1


def test_classes_that_were_not_learned_are_refused(trained: Trained, tmp_path: Path) -> None:
    draw(tmp_path / "raw", ["middle", "right"], 2, seed=3)
    (tmp_path / "raw" / "middle").rename(tmp_path / "raw" / "centre")
    options = {"size": (24, 24)}
    import_dataset(tmp_path / "raw", tmp_path / "data", test_fraction=0, options=options)

    with pytest.raises(DataError, match="centre, right, but the network was trained on left, mid"):
        evaluate(trained.folder.path, data=str(tmp_path / "data"), split="train")


def test_pictures_of_another_size_are_refused_with_the_options_that_fit(
    trained: Trained, tmp_path: Path
) -> None:
    draw(tmp_path / "raw", ["middle", "right"], 2, seed=3)
    options = {"colours": "rgb"}
    import_dataset(tmp_path / "raw", tmp_path / "data", test_fraction=0, options=options)

    with pytest.raises(DataError, match=r"\[3, 48, 48\].*--size 24x24 --colours grey"):
        evaluate(trained.folder.path, data=str(tmp_path / "data"), split="train")


def test_dataset_that_has_changed_since_is_a_warning(trained: Trained, tmp_path: Path) -> None:
    folder = trained.job_folder
    shutil.move(folder / "data", tmp_path / "data")
    try:
        options = {"size": (24, 24)}
        import_dataset(folder / "raw" / "train", folder / "data", options=options)
        with pytest.warns(DataWarning, match="has changed since sides-1 was trained"):
            evaluate(trained.folder.path)
    finally:
        shutil.rmtree(folder / "data")
        shutil.move(tmp_path / "data", folder / "data")
