"""Networks that learned from times in seconds since 1970, which float32 alone would make equal."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from safetensors import safe_open

from distnet.data.importing import import_dataset
from distnet.errors import DataError
from distnet.launch.run import run
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict

FIRST = 1_700_000_000
JOB = """
name: line
network: {kind: perceptron}
task: {kind: regress}
data: {source: ./data}
optimizer: {kind: sgd, learning_rate: 0.2}
train: {steps: 200, batch_size: 32}
evaluate: {split: train}
"""


def table(folder: Path, name: str, first: int) -> Path:
    """Arrivals are half as far apart as departures, and the first is 100 s after FIRST."""
    departures = first + np.random.default_rng(0).integers(0, 600, 200)
    rows = [f"{d},{d % 7},{FIRST + 100 + (d - FIRST) / 2}" for d in departures]
    (folder / f"{name}.csv").write_text("\n".join(["departure,rest,arrival", *rows]))
    import_dataset(
        folder / f"{name}.csv",
        folder / name,
        test_fraction=0,
        options={"target": ["arrival"], "target_kind": "number"},
    )
    return folder / name


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("times")
    table(folder, "data", FIRST)
    (folder / "line.yaml").write_text(JOB)
    return load_trained(run(folder / "line.yaml", inline=True, runs=folder / "runs").folder.path)


def test_times_are_predicted_to_the_second(trained: Trained, tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text(f"departure,rest\n{FIRST + 100},3\n{FIRST + 300},2\n")

    said = [one["values"]["arrival"] for one in predict(trained, [rows])]

    assert said == pytest.approx([FIRST + 150, FIRST + 250], abs=0.5, rel=0)


def test_evaluation_is_in_the_units_of_the_network_whatever_the_origin(
    trained: Trained, tmp_path: Path
):
    assert evaluate(trained.folder.path)["metrics"]["mae"] < 0.5
    other = table(tmp_path, "later", FIRST + 5000)

    assert evaluate(trained.folder.path, data=str(other))["metrics"]["mae"] < 0.5


def test_evaluation_finds_columns_by_their_names(trained: Trained, tmp_path: Path):
    lines = (trained.job_folder / "data.csv").read_text().splitlines()
    rows = [line.split(",") for line in lines]
    for name, heads in (("swapped", ["rest", "departure"]), ("renamed", ["rest", "leaving"])):
        swapped = [f"{rest},{departure},{arrival}" for departure, rest, arrival in rows[1:]]
        text = "\n".join([",".join([*heads, "arrival"]), *swapped])
        (tmp_path / f"{name}.csv").write_text(text)
        options = {"target": ["arrival"], "target_kind": "number"}
        file = tmp_path / f"{name}.csv"
        import_dataset(file, tmp_path / name, test_fraction=0, options=options)

    found = evaluate(trained.folder.path, data=str(tmp_path / "swapped"))["metrics"]

    assert found == pytest.approx(evaluate(trained.folder.path)["metrics"], rel=1e-6)
    with pytest.raises(DataError, match="has the columns 'leaving', but .* trained on 'departure'"):
        evaluate(trained.folder.path, data=str(tmp_path / "renamed"))


@pytest.mark.check
def test_exported_network_takes_and_gives_times(trained: Trained, tmp_path: Path):
    exported = export(trained, output=tmp_path / "models")

    assert exported.check is not None
    assert exported.check.max_difference < 1e-3
    x = np.array([[FIRST + 100.0, 3], [FIRST + 300.0, 2]])
    (found,) = onnxruntime.InferenceSession(str(exported.files[1])).run(None, {"x": x})
    assert found[:, 0] == pytest.approx([FIRST + 150, FIRST + 250], abs=0.5, rel=0)
    with safe_open(exported.files[0], "pt") as weights:
        origins = [json.loads(weights.metadata()[key]) for key in ("origin", "target_origin")]
    assert origins == [list(trained.data.x.origin), list(trained.data.y.origin)]


def test_worst_samples_show_what_the_source_holds(trained: Trained):
    figures = json.loads(trained.folder.evaluation.read_text())["figures"]
    (worst,) = (figure for figure in figures if figure["title"] == "Worst predictions")
    (series,) = worst["series"]
    assert all(100 <= actual - FIRST <= 400 for actual in series["x"])
    assert series["y"] == pytest.approx(series["x"], abs=0.5, rel=0)
