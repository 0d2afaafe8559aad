"""What training leaves for the report, of tasks that measure unlike things."""

from pathlib import Path

import numpy as np
import pytest

import distnet
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest
from distnet.data.shard_writer import ShardWriter
from distnet.report.arrays import read_arrays
from distnet.report.parts import Arrays
from distnet.run_folder.evaluation import EvaluationRecord, read_evaluation
from distnet.run_folder.figures import Dots, Figure, Images, Scatter, Table
from distnet.run_folder.paths import RunFolder
from tests.datasets import CLASSES, write_dataset

JOB = """
name: measured
network: {kind: mlp, hidden: [4]}
data: {source: "DATA"}
optimizer: {kind: sgd, learning_rate: 0.05}
train: {steps: 5, batch_size: 30, seed: 3}
"""
OWN_TASK = """
import numpy as np
import torch
from distnet.run_folder.figures import Images
from distnet.spec.metric import Metric
from distnet.tasks.task import Summary

class Brightness:
    '''Predictions are neither a class nor numbers; the figure has an array of its own.'''
    metrics = (Metric("error"),)
    training = ()
    num_outputs = 1
    def __init__(self, data):
        pass
    def losses(self, outputs, targets):
        return outputs[:, 0].square()
    def scores(self, outputs, targets):
        return {}
    def sums(self, outputs, targets):
        return outputs.double().square().sum(0)
    def summarise(self, sums):
        figure = Images("Drawn", "drawn", ("one",))
        return Summary({"error": float(sums)}, (figure,), {"drawn": np.ones((1, 1, 3, 3))})
    def prediction(self, output):
        return {"text": "bright"}
"""


def train(
    folder: Path, data: Path, more: str = "", *, job: str = JOB
) -> tuple[EvaluationRecord, Arrays]:
    file = folder / "job.yaml"
    file.write_text(job.replace("DATA", str(data)) + more)
    run = RunFolder(distnet.run(file, inline=True, runs=folder, name="run").folder.path)
    evaluation = read_evaluation(run.evaluation)
    assert evaluation is not None
    return evaluation, read_arrays(run.pictures)


def write_vectors(folder: Path, y: Field, targets: np.ndarray) -> Path:
    """Write vectors of 3 numbers with these targets, as both splits."""
    folder.mkdir()
    fields = {"x": VectorField(shape=(3,), mean=(0.0,) * 3, std=(1.0,) * 3), "y": y}
    values = np.random.default_rng(0).normal(size=(len(targets), 3)).astype(np.float32)
    splits = {}
    for split in ("train", "test"):
        with ShardWriter(folder, split, fields) as writer:
            writer.write({"x": values, "y": targets})
            splits[split] = writer.finish()
    manifest = Manifest(name="v", source="made", fields=fields, splits=splits)
    (folder / "manifest.json").write_text(manifest.to_json())
    return folder


def only(kind: type[Figure], figures: tuple[Figure, ...]) -> list[Figure]:
    return [figure for figure in figures if isinstance(figure, kind)]


def test_worst_images_have_captions_and_pixels(tmp_path: Path) -> None:
    found, arrays = train(tmp_path, write_dataset(tmp_path / "data", train=200, test=100))

    worst, layer = only(Images, found.figures)
    assert isinstance(worst, Images)
    assert isinstance(layer, Images)
    assert len(worst.captions) == len(arrays[worst.array]) > 0
    assert (arrays[worst.array].dtype, arrays[worst.array].shape[1:]) == (np.uint8, (1, 12, 12))
    assert (arrays[layer.array].dtype, arrays[layer.array].shape) == (np.float32, (4, 1, 12, 12))
    assert (found.split, found.step, found.num_samples, found.task) == ("test", 5, 100, "classify")
    assert [metric.name for metric in found.declared] == ["accuracy", "macro_f1"]


def test_samples_that_were_predicted_right_are_not_among_the_worst(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=1000, test=100)

    found, arrays = train(tmp_path, data, "evaluate: {batch_size: 10}\n")

    mistakes = round((1 - found.metrics["accuracy"]) * 100)
    assert len(arrays["worst"]) == min(25, mistakes)


def test_the_weakest_classes_come_first(tmp_path: Path) -> None:
    found, _ = train(tmp_path, write_dataset(tmp_path / "data", train=200, test=100))

    (dots,) = only(Dots, found.figures)
    assert isinstance(dots, Dots)
    assert len(dots.rows) == CLASSES
    assert list(dots.series["f1"]) == sorted(dots.series["f1"])


def test_worst_vectors_are_a_table(tmp_path: Path) -> None:
    y = ClassField(classes=("cat", "dog"))
    classes = np.arange(60, dtype=np.int32) % 2

    found, arrays = train(tmp_path, write_vectors(tmp_path / "data", y, classes))

    _, worst = only(Table, found.figures)
    assert isinstance(worst, Table)
    assert worst.columns == ("sample", "loss", "actual", "predicted", "probability")
    assert all({row[2], row[3]} == {"cat", "dog"} for row in worst.rows)
    assert arrays == {}


@pytest.mark.parametrize("names", [("price",), ("price", "size")])
def test_worst_numbers_are_also_drawn(names: tuple[str, ...], tmp_path: Path) -> None:
    width = len(names)
    y = NumberField(shape=(width,), names=names, mean=(0.5,) * width, std=(0.3,) * width)
    numbers = np.random.default_rng(0).random((60, width)).astype(np.float32)

    data = write_vectors(tmp_path / "data", y, numbers)
    found, _ = train(tmp_path, data, "task: {kind: regress}\n")

    *every, scatter = only(Scatter, found.figures)
    assert len(every) == width  # all samples, a figure for each number
    _, worst = only(Table, found.figures)
    assert isinstance(scatter, Scatter)
    assert isinstance(worst, Table)
    assert len(scatter.series) == width
    assert width == 1 or [line.name for line in scatter.series] == list(names)
    assert len(worst.rows) == len(scatter.series[0].x) == 25


def test_embeddings_and_feature_maps_show_what_a_network_has_learned(tmp_path: Path) -> None:
    data = write_dataset(tmp_path / "data", train=200, test=100)
    job = JOB.replace("kind: mlp, hidden: [4]", "kind: cnn, channels: [3, 20], hidden: 8")
    found, arrays = train(tmp_path, data, "evaluate: {batch_size: 30}\n", job=job)

    (points,) = only(Scatter, found.figures)
    assert isinstance(points, Scatter)
    assert points.title == "Embeddings of 100 samples, before the last layer"
    assert [line.name for line in points.series] == list("abcd")
    values = np.array([pair for line in points.series for pair in zip(line.x, line.y, strict=True)])
    assert values.shape == (100, 2)
    assert values.mean(0) == pytest.approx([0, 0], abs=1e-5)
    assert abs(np.corrcoef(values.T)[0, 1]) < 1e-4  # principal components
    assert values.var(0)[0] >= values.var(0)[1] > 0
    *_, maps = only(Images, found.figures)
    assert isinstance(maps, Images)
    assert maps.title == "Feature maps of conv2, of the first sample"
    assert arrays[maps.array].shape == (16, 1, 6, 6)


def test_a_task_brings_arrays_and_needs_no_worst_samples(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN_TASK)
    data = write_dataset(tmp_path / "data", train=200, test=100)

    found, arrays = train(tmp_path, data, "task: {kind: './own.py:Brightness'}\n")

    assert [figure.title for figure in found.figures] == ["Drawn", "First-layer weights"]
    assert arrays["drawn"].shape == (1, 1, 3, 3)
    assert "worst" not in arrays
