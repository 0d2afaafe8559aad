"""What a simple rule reaches stands beside the headline metric, before and after a training."""

import json
from pathlib import Path

import numpy as np
import pytest

import distnet
from distnet.cli.main import main
from distnet.data.importing import import_dataset
from distnet.launch.plan import make_plan
from distnet.report.run import read_run
from distnet.report.summary import summarise
from distnet.run_folder.paths import RunFolder
from distnet.spec.read import read_job

CLASSES = """name: kinds
network: {kind: mlp, hidden: [4]}
data: {source: data}
train: {epochs: 1, batch_size: 50}
"""
NUMBERS = CLASSES + "task: {kind: regress}\n"


def table(folder: Path, lines: dict[str, list[str]], **options: object) -> None:
    (folder / "raw").mkdir()
    for split, rows in lines.items():
        (folder / "raw" / f"{split}.csv").write_text("\n".join(["a,b,label", *rows]))
    import_dataset(folder / "raw", folder / "data", options=options)


def planned(folder: Path, text: str, *overrides: str) -> dict[str, object]:
    (folder / "job.yaml").write_text(text)
    found = make_plan(read_job(folder / "job.yaml", overrides=overrides)).baseline
    assert found is not None
    return found


def test_the_most_frequent_class_of_the_training_is_counted_in_the_test(tmp_path: Path) -> None:
    train = [f"{n},{n % 5},{'ant' if n % 5 else 'bee'}" for n in range(60)]
    test = [f"{n},1,{'bee' if n % 4 else 'ant'}" for n in range(40)]
    table(tmp_path, {"train": train, "test": test})

    found = planned(tmp_path, CLASSES)
    assert (found["name"], found["split"]) == ("majority class", "test")
    assert found["metrics"]["accuracy"] == 0.25  # type: ignore[index]
    few = planned(tmp_path, CLASSES, "evaluate.samples=2")
    assert few["metrics"]["accuracy"] == 0.5  # type: ignore[index]


def test_a_linear_model_is_ridge_regression(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 2)) * [1.0, 50.0] + [0.0, 300.0]
    y = x @ [3.0, -0.2] + 40 + random.normal(size=90)
    rows = [f"{a!r},{b!r},{c!r}" for (a, b), c in zip(x.tolist(), y.tolist(), strict=True)]
    table(tmp_path, {"train": rows[:60], "test": rows[60:]}, target_kind="number")

    found = planned(tmp_path, NUMBERS)
    mean, std = x[:60].mean(0), x[:60].std(0)
    scaled, centre = (x - mean) / std, y[:60].mean()
    of_train = scaled[:60]
    weights = np.linalg.solve(of_train.T @ of_train + np.eye(2), of_train.T @ (y[:60] - centre))
    errors = scaled[60:] @ weights + centre - y[60:]
    assert found["name"] == "linear model"
    assert found["metrics"]["mae"] == pytest.approx(np.abs(errors).mean(), rel=1e-4)  # type: ignore[index]
    spread = ((y[60:] - y[60:].mean()) ** 2).sum()
    expected = 1 - (errors**2).sum() / spread
    assert found["metrics"]["r2"] == pytest.approx(expected, rel=1e-4)  # type: ignore[index]
    assert found == planned(tmp_path, NUMBERS)


def test_numbers_of_pictures_have_the_mean(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    x = random.integers(0, 255, (60, 4, 4), dtype=np.uint8)
    np.savez(tmp_path / "raw.npz", x=x, y=np.arange(60) * 1.5)
    import_dataset(tmp_path / "raw.npz", tmp_path / "data", options={"target_kind": "number"})

    found = planned(tmp_path, NUMBERS)
    assert found["name"] == "mean"
    assert found["metrics"]["r2"] < 0.05  # type: ignore[index]


def test_it_is_shown_by_check_run_show_and_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{n % 7},{n % 5},{'ant' if n % 4 else 'bee'}" for n in range(200)]
    table(tmp_path, {"train": rows[:160], "test": rows[160:]})
    found = planned(tmp_path, CLASSES)

    assert found["metrics"]["accuracy"] == 0.75  # type: ignore[index]
    assert main(["check", str(tmp_path / "job.yaml")]) == 0
    assert "majority class, on test: accuracy 75.00%" in capsys.readouterr().out
    words = ["--inline", "--no-report", "--runs", str(tmp_path), "--name", "run"]
    assert main(["run", str(tmp_path / "job.yaml"), *words]) == 0
    assert "(majority class: 75.00%)" in " ".join(capsys.readouterr().err.split())
    assert main(["show", str(tmp_path / "run")]) == 0
    assert "(majority class: 75.00%)" in " ".join(capsys.readouterr().out.split())
    assert main(["show", str(tmp_path / "run"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["summary"]["baseline"]["name"] == "majority class"
    assert summarise(read_run(RunFolder(tmp_path / "run"))).result.endswith("class: 75.00%)")


OWN = """
class Mine:
    num_outputs, metrics, training = 1, (), ()
    def __init__(self, data): ...
    def losses(self, outputs, targets): return outputs[:, 0] ** 2
    def scores(self, outputs, targets): return {}
    def sums(self, outputs, targets): return outputs.double().sum(0)
    def summarise(self, sums):
        from distnet.tasks.task import Summary
        return Summary({})
    def prediction(self, output): return {}
    def baseline(self, known): RETURNED
"""


@pytest.mark.parametrize(
    ("returned", "wrong"),
    [
        ("return 0.5", "baseline returned float 0.5, expected a Baseline or None"),
        ("return 1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_wrong_baseline_of_an_own_task_is_refused(
    returned: str, wrong: str, tmp_path: Path
) -> None:
    table(tmp_path, {"train": ["1,2,a", "2,3,b"] * 20, "test": ["1,2,a", "2,2,b"]})
    (tmp_path / "mine.py").write_text(OWN.replace("RETURNED", returned))

    with pytest.raises(distnet.DistnetError, match=wrong):
        planned(tmp_path, CLASSES + "task: {kind: './mine.py:Mine'}\n")
