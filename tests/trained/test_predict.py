"""A trained network reads drawings, and rows of tables."""

import gzip
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from distnet.data.importing import import_dataset
from distnet.errors import CheckpointError, DataError, DataWarning, RunError
from distnet.launch.run import run
from distnet.trained.evaluate import evaluate
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict
from tests.launch.drawn_digits import Drawing

CNN = """
name: digits
network: {kind: cnn, channels: [8, 16, 32]}
data: {augment: [{kind: shift, pixels: 2}]}
optimizer: {kind: adamw, learning_rate: 0.004}
schedule: {kind: one-cycle}
train: {steps: 300, batch_size: 64}
"""


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network that has seen 19,200 digits."""
    folder = tmp_path_factory.mktemp("reader")
    (folder / "digits.yaml").write_text(CNN)
    done = run(folder / "digits.yaml", inline=True, runs=folder / "runs")
    assert done.metrics["test_accuracy"] > 0.95
    return load_trained(done.folder.path)


def read(trained: Trained, pictures: Sequence[Image.Image], folder: Path) -> list[str]:
    paths = [folder / f"{i}.png" for i in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        picture.save(path)
    return [said["class"] for said in predict(trained, paths)]


def on_photo(picture: Image.Image) -> Image.Image:
    """Lay the drawing on paper with a shadow across and noise from a camera."""
    ink = np.asarray(picture, float) / 255
    shadow = np.linspace(150, 210, picture.width)[None, :]
    noise = np.random.default_rng(0).normal(0, 4, ink.shape)
    return Image.fromarray((shadow * (0.25 + 0.75 * ink) + noise).clip(0, 255).astype(np.uint8))


HANDS: dict[str, Callable[[int, int], Image.Image]] = {
    "a mouse": lambda d, s: Drawing(d, s).picture(),
    "a hairline": lambda d, s: Drawing(d, s, pen=0.015).picture(),
    "a marker": lambda d, s: Drawing(d, s, pen=0.17).picture(),
    "28 pixels": lambda d, s: Drawing(d, s, side=28, height=0.85, pen=0.1).picture(),
    "600 pixels": lambda d, s: Drawing(d, s, side=600).picture(),
    "in a corner": lambda d, s: Drawing(d, s, height=0.25, middle=(0.2, 0.8)).picture(),
    "light on dark": lambda d, s: Drawing(d, s, ink=255, paper=0).picture(),
    "grey on grey": lambda d, s: Drawing(d, s, ink=120, paper=170).picture(),
    "blue on yellow": lambda d, s: Drawing(
        d, s, mode="RGB", ink=(20, 30, 180), paper=(250, 240, 150)
    ).picture(),
    "black on nothing": lambda d, s: Drawing(
        d, s, mode="RGBA", ink=(0, 0, 0, 255), paper=(0, 0, 0, 0)
    ).picture(),
    "white on nothing": lambda d, s: Drawing(
        d, s, mode="RGBA", ink=(255, 255, 255, 255), paper=(255, 255, 255, 0)
    ).picture(),
    "a photo": lambda d, s: on_photo(Drawing(d, s).picture()),
}


@pytest.mark.parametrize("hand", HANDS)
def test_digits_are_read_when_drawn_by(hand: str, reader: Trained, tmp_path: Path):
    digits = [(digit, seed) for seed in range(3) for digit in range(10)]
    pictures = [HANDS[hand](digit, seed) for digit, seed in digits]

    found = read(reader, pictures, tmp_path)

    right = sum(said == str(digit) for said, (digit, _) in zip(found, digits, strict=True))
    assert right >= 26, f"{right} of 30"


@pytest.mark.parametrize("digit", range(10))
def test_one_drawing_is_one_class_inverted_and_at_any_size(
    digit: int, reader: Trained, tmp_path: Path
):
    drawing = Drawing(digit, seed=5, side=300).picture()
    sizes = [drawing.resize((s, s), Image.Resampling.LANCZOS) for s in (60, 120, 600)]
    inverted = [p.point(lambda value: 255 - value) for p in (drawing, *sizes)]

    assert len(set(read(reader, [drawing, *sizes, *inverted], tmp_path))) == 1


def test_prediction_has_the_file_and_three_likely_classes(reader: Trained, tmp_path: Path):
    Drawing(7).picture().save(tmp_path / "seven.png")

    (said,) = predict(reader, [tmp_path / "seven.png"])

    assert said["file"] == str(tmp_path / "seven.png")
    assert said["class"] == "7"
    assert said["probability"] == said["top"][0]["probability"] > 0.5
    assert len(said["top"]) == 3


def test_evaluation_is_that_of_training_by_default(reader: Trained):
    figures = evaluate(reader.folder.path)

    trained = json.loads(reader.folder.evaluation.read_text())
    assert figures["num_samples"] == 10_000
    assert figures["figures"][0]["kind"] == "confusion"
    assert figures["figures"] == trained["figures"][: len(figures["figures"])]
    assert figures["metrics"] == pytest.approx(trained["metrics"], rel=1e-5)


def test_evaluation_takes_the_first_samples_of_the_split_if_the_job_does(tmp_path: Path):
    (tmp_path / "digits.yaml").write_text("name: digits\nnetwork: {kind: perceptron}\n")
    overrides = ["train.steps=2", "evaluate.samples=50"]
    done = run(tmp_path / "digits.yaml", inline=True, runs=tmp_path / "runs", overrides=overrides)

    found = evaluate(done.folder.path)

    assert found["num_samples"] == 50
    assert found["metrics"]["accuracy"] == done.metrics["test_accuracy"]


def test_network_is_loaded_without_its_dataset(reader: Trained):
    assert not reader.network.training
    assert reader.step == 300
    assert reader.outputs(np.zeros((3, 1, 28, 28), np.uint8)).shape == (3, 10)


def test_step_that_was_not_kept_is_refused_with_those_that_were(reader: Trained):
    with pytest.raises(CheckpointError, match="no checkpoint of step 7; there are: .*300"):
        load_trained(reader.folder.path, checkpoint=7)
    assert load_trained(reader.folder.path, checkpoint=300).step == 300


def test_folder_without_a_run_is_refused(tmp_path: Path):
    with pytest.raises(RunError, match="found no run in this folder"):
        load_trained(tmp_path)


LINE = """
name: line
network: {kind: perceptron}
task: {kind: regress}
data: {source: ./data}
optimizer: {kind: sgd, learning_rate: 0.2}
train: {steps: 400, batch_size: 32}
evaluate: {split: train}
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A network that has learned price = 3 width - 2 height + 5."""
    folder = tmp_path_factory.mktemp("line")
    numbers = np.random.default_rng(0).normal([10, -20], [1, 3], (200, 2))
    rows = [f"{w},{h},{3 * w - 2 * h + 5}" for w, h in numbers]
    (folder / "raw.csv").write_text("\n".join(["width,height,price", *rows]))
    import_dataset(folder / "raw.csv", folder / "data", options={"target": ["price"]})
    (folder / "line.yaml").write_text(LINE)
    return load_trained(run(folder / "line.yaml", inline=True, runs=folder / "runs").folder.path)


def test_rows_of_a_table_are_predicted_by_the_names_of_their_columns(line: Trained, tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text("note,height,width\nfirst,-20,10\nsecond,-26,11\n")

    said = predict(line, [rows])

    assert [one["row"] for one in said] == [1, 2]
    assert [one["values"]["price"] for one in said] == pytest.approx([75, 90], abs=0.1)
    assert said[0]["value"] == [said[0]["values"]["price"]]


def test_tables_of_any_kind_hold_the_same_rows(line: Trained, tmp_path: Path):
    comma = "width;height\n10,5;-20,25\n11;-26\n"
    (tmp_path / "comma.csv").write_text(comma)
    (tmp_path / "point.tsv").write_text(comma.replace(",", ".").replace(";", "\t"))
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(comma.encode()))
    columns = {" height": [-20.25, -26], "note": ["a", "b"], "width": [10.5, 11]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")

    said = [[one["value"] for one in predict(line, [file])] for file in sorted(tmp_path.iterdir())]

    assert len(said) == 4
    assert said == [said[0]] * 4
    (tmp_path / "rows.npz").write_bytes(b"")
    with pytest.raises(DataError, match="a file of no known kind.*give a CSV or Parquet file"):
        predict(line, [tmp_path / "rows.npz"])


def test_the_delimiter_of_a_table_may_be_set(line: Trained, tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text("width^height^note, or remark\n10^-20^x, y\n")

    (said,) = predict(line, [rows], delimiter="^")

    assert said["values"]["price"] == pytest.approx(75, abs=0.1)
    with pytest.raises(DataError, match="--delimiter: found '', expected one character, or tab"):
        predict(line, [rows], delimiter="")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("width,tall\n1,2\n", "rows.csv:1: found no column 'height'.*there are: width, tall"),
        ("width,height\n1,2\n3,x\n", "rows.csv:3 height: found 'x', expected a finite number"),
        ("width,height\n1,\n", "rows.csv:2 height: found '', expected a finite number"),
        ("width,height\n", "found no rows"),
        ("width,height,width\n1,2,3\n", "rows.csv:1: two columns are called 'width'; rename one"),
        ("width;height\n1,250;2\n", "rows.csv:2 width: found '1,250', .* with --decimal ,"),
        ("", "rows.csv: "),
    ],
)
def test_table_that_does_not_fit_is_refused_with_its_line(
    text: str, message: str, line: Trained, tmp_path: Path
):
    (tmp_path / "rows.csv").write_text(text)

    with pytest.raises(DataError, match=message):
        predict(line, [tmp_path / "rows.csv"])


def test_file_of_the_other_kind_is_refused(line: Trained, reader: Trained, tmp_path: Path):
    Drawing(1).picture().save(tmp_path / "one.png")
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n")

    with pytest.raises(DataError, match=r"one.png: found an image.*give a CSV or Parquet file"):
        predict(line, [tmp_path / "one.png"])
    with pytest.raises(DataError, match=r"rows.csv: found a table.*give image files"):
        predict(reader, [tmp_path / "rows.csv"])


def test_evaluation_on_data_of_another_kind_is_refused(line: Trained):
    with pytest.raises(DataError, match=r"inputs are image, \[1, 28, 28\].*vector, \[2\]"):
        evaluate(line.folder.path, data="mnist")


def test_evaluation_compares_classes_by_their_names(reader: Trained, tmp_path: Path):
    digits = np.random.default_rng(0).integers(0, 256, (40, 28, 28), np.uint8)
    for name, labels, classes in (("all", (3, 5), tuple("0123456789")), ("two", (1, 0), "53")):
        np.savez(tmp_path / f"{name}.npz", x=digits, y=np.array(labels * 20))
        options = {"classes": tuple(classes)}
        import_dataset(tmp_path / f"{name}.npz", tmp_path / name, test_fraction=0, options=options)
    with pytest.warns(DataWarning, match="has 2 of the 10 classes"):
        found = [
            evaluate(reader.folder.path, data=str(tmp_path / name), split="train")["metrics"]
            for name in ("all", "two")
        ]

    assert found[0] == found[1]


def test_regression_is_evaluated_exactly(line: Trained):
    figures = evaluate(line.folder.path)

    assert figures["metrics"]["r2"] > 0.999
    assert [metric["name"] for metric in figures["declared"]] == ["mae", "rmse", "r2"]
    assert figures["num_samples"] == line.data.split("train").num_samples
    assert evaluate(line.folder.path, split="test")["num_samples"] < figures["num_samples"]
