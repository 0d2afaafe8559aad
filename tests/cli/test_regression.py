"""A regression shows its own metric, of the last evaluation, wherever a run is shown."""

import json
import random
import re
from pathlib import Path

import pytest

from distnet.cli.main import main

JOB = """
name: prices
network: {kind: mlp, hidden: [8]}
task: {kind: regress}
data: {source: ./prices}
optimizer: {kind: adam, learning_rate: 0.01}
train: {epochs: 2, batch_size: 16}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a table of 200 rows as a dataset, and a job file."""
    folder = tmp_path_factory.mktemp("prices")
    draw = random.Random(0)
    rows = [f"{x},{3 * x + draw.random()}" for x in (draw.random() for _ in range(200))]
    (folder / "prices.csv").write_text("\n".join(["area,price", *rows]))
    command = ["data", "import", str(folder / "prices.csv"), str(folder / "prices")]
    assert main([*command, "--target", "price"]) == 0
    (folder / "prices.yaml").write_text(JOB)
    return folder


def test_a_regression_shows_its_metric_everywhere(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = ["--runs", str(folder / "runs")]

    def printed(*command: str) -> str:
        assert main([*command, *runs]) == 0
        printed = capsys.readouterr()
        return printed.out + printed.err

    progress = printed("run", str(folder / "prices.yaml"), "--inline", "--no-report")
    found = re.search(r"prices-1 finished  train loss [\d.]+  test mae ([\d.]+)", progress)
    assert found
    mae = found[1]
    assert re.search(rf"epoch  2/2  train loss .*  test loss [\d.]+ mae {mae}  ", progress)
    assert f"test mae {mae}" in printed("runs")
    assert re.search(rf"test mae +{mae}", printed("show", "prices-1"))
    assert re.search(rf"mae +{mae} +{mae}", printed("compare", "prices-1", "prices-1"))
    assert re.search(rf"mae .* {mae} ", printed("eval", "prices-1"))
    assert json.loads(printed("runs", "--json"))[0]["headline"]["name"] == "mae"
