"""`distnet predict` with folders, patterns and tables, and predictions as a table."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distnet.cli.main import main
from distnet.cli.results.prediction_table import table_rows
from tests.launch.drawn_digits import Drawing


@pytest.fixture
def runs(trained_runs: Path) -> Path:
    return trained_runs


@pytest.fixture
def drawings(tmp_path: Path) -> Path:
    """Drawings of 7 and 1 in two folders, and a text beside them."""
    for digit, name in ((7, "a/seven.png"), (1, "b/one.png")):
        file = tmp_path / "drawings" / name
        file.parent.mkdir(parents=True)
        Drawing(digit, seed=2).picture().save(file)
    (tmp_path / "drawings" / "notes.txt").write_text("ink on paper")
    return tmp_path / "drawings"


def test_folders_and_patterns_are_all_their_images(
    runs: Path, drawings: Path, capfd: pytest.CaptureFixture[str]
):
    command = ["predict", str(runs / "digits-1"), "--json"]

    assert main([*command, str(drawings)]) == 0
    in_folder = capfd.readouterr()
    assert main([*command, str(drawings / "*" / "*.png")]) == 0
    by_pattern = json.loads(capfd.readouterr().out)

    found = json.loads(in_folder.out)
    assert found == by_pattern
    assert [one["file"] for one in found] == [
        str(drawings / "a" / "seven.png"),
        str(drawings / "b" / "one.png"),
    ]
    left_out = f"note: {drawings}: left out: 1 files that end in .txt, such as notes.txt"
    assert left_out in in_folder.err


def test_predictions_are_written_as_a_table(
    runs: Path, drawings: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    command = ["predict", str(runs / "digits-1"), str(drawings), "--json", "--output"]
    out = tmp_path / "new" / "found.csv"

    assert main([*command, str(out)]) == 0
    said = json.loads(capfd.readouterr().out)
    assert main([*command, str(tmp_path / "found.parquet")]) == 0

    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["file"], row["class"]) for row in rows] == [
        (one["file"], one["class"]) for one in said
    ]
    assert [float(row["probability"]) for row in rows] == [one["probability"] for one in said]
    assert [row["class_3"] for row in rows] == [one["top"][2]["class"] for one in said]
    table = pq.read_table(tmp_path / "found.parquet")
    assert table.column("probability").to_pylist() == [one["probability"] for one in said]
    assert table.column_names == list(rows[0])


def test_images_in_a_column_of_parquet_are_predicted_as_their_files(
    runs: Path, drawings: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
):
    files = sorted(drawings.rglob("*.png"))
    cells = [{"bytes": file.read_bytes(), "path": file.name} for file in files]
    pq.write_table(pa.table({"n": [1, 2], "image": cells}), tmp_path / "t.parquet")
    command = ["predict", str(runs / "digits-1"), "--json"]

    assert main([*command, str(tmp_path / "t.parquet")]) == 0
    of_table = json.loads(capfd.readouterr().out)
    assert main([*command, *map(str, files)]) == 0
    of_files = json.loads(capfd.readouterr().out)

    assert [one["row"] for one in of_table] == [1, 2]
    assert [one["top"] for one in of_table] == [one["top"] for one in of_files]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--delimiter", ";"], "--delimiter: found no CSV file among those to predict"),
        (["--decimal", ","], "--decimal: found images, expected numbers in CSV"),
        (["--output", "found.xlsx"], "or write all predictions into a table: --output FILE.csv"),
    ],
)
def test_options_that_do_not_fit_the_files_are_refused(
    options: list[str],
    message: str,
    runs: Path,
    drawings: Path,
    capfd: pytest.CaptureFixture[str],
):
    assert main(["predict", str(runs / "digits-1"), str(drawings), *options]) == 2
    assert message in capfd.readouterr().err


def test_missing_files_are_named_before_torch_is_imported(runs: Path):
    command = ["predict", str(runs / "digits-1"), "gone.png", "lost.png"]
    probe = f"""
import sys
from distnet.cli.main import main
code = main({command!r})
print(code, "torch" in sys.modules)"""

    ended = subprocess.run(
        [sys.executable, "-c", probe], capture_output=True, text=True, check=False
    )

    assert ended.stdout.split() == ["2", "False"]
    assert "gone.png: found no such file or folder" in ended.stderr
    assert "lost.png: found no such file or folder" in ended.stderr


def test_predictions_of_all_kinds_have_flat_columns():
    boxes = [{"class": "cat", "left": 1.5}, {"class": "dog", "left": 2.5}]
    assert table_rows({"file": "a", "boxes": boxes}) == [
        {"file": "a", "class": "cat", "left": 1.5},
        {"file": "a", "class": "dog", "left": 2.5},
    ]
    assert table_rows({"row": 1, "value": [2.0, 3.0], "values": {"price": 2.0, "row": 3.0}}) == [
        {"row": 1, "price": 2.0, "row_predicted": 3.0}
    ]
    assert table_rows({"file": "a", "shares": {"sky": 0.25}, "mask": "m.png"}) == [
        {"file": "a", "shares_sky": 0.25, "mask": "m.png"}
    ]
    assert table_rows({"file": "a", "boxes": []}) == [{"file": "a"}]
