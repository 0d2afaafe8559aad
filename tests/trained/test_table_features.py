"""A network that has learned from categories, dates and columns with gaps."""

from pathlib import Path

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.launch.run import run
from distnet.trained.evaluate import evaluate
from distnet.trained.export import export
from distnet.trained.load import load_trained
from distnet.trained.predict import predict

JOB = """
name: prices
network: {kind: perceptron}
task: {kind: regress}
data: {source: ./prices}
optimizer: {kind: sgd, learning_rate: 0.2}
train: {steps: 300, batch_size: 32}
evaluate: {split: test}
"""
PER_TOWN = {"Rome": 4, "Paris": 10, "": -3}


def rows(folder: Path) -> tuple[Path, list[float]]:
    """Rents that follow from the town and the day; the size says nothing, and has gaps."""
    random = np.random.default_rng(0)
    lines, prices = ["town,day,size,price"], []
    for n in range(200):
        town = list(PER_TOWN)[n % 3]
        prices.append(PER_TOWN[town] + n / 20)
        day = np.datetime64("2024-01-01") + n
        lines.append(f"{town},{day},{'' if n % 5 == 0 else random.integers(9)},{prices[-1]}")
    (folder / "raw.csv").write_text("\n".join(lines))
    return folder / "raw.csv", prices


def test_categories_dates_and_gaps_are_learned_predicted_measured_and_exported(tmp_path: Path):
    raw, prices = rows(tmp_path)
    import_dataset(raw, tmp_path / "prices", options={"target": ("price",)})
    (tmp_path / "prices.yaml").write_text(JOB)
    done = run(tmp_path / "prices.yaml", inline=True, runs=tmp_path / "runs")
    network = load_trained(done.folder.path)

    said = predict(network, [raw])

    assert [one["values"]["price"] for one in said] == pytest.approx(prices, abs=0.2)
    assert done.metrics["test_r2"] > 0.999
    import_dataset(
        raw,
        tmp_path / "again",
        options={"target": ("price",)},
        like=tmp_path / "prices",
        test_fraction=1,
    )
    again = evaluate(done.folder.path, data=str(tmp_path / "again"), split="test")
    assert again["num_samples"] == 200
    assert again["metrics"]["r2"] > 0.999
    assert export(network, output=tmp_path / "out").check.max_difference < 1e-4
