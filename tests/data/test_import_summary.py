"""What an import says that it read, left out and guessed; the same for every kind of source."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from distnet.cli.main import app
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.survey.summary import Finding, Findings, ImportSummary
from distnet.errors import DataError
from tests.data.raw_files import image_folder, picture, small_idx

TABLE = "a,b,y\n" + "1,2,u\n3,4,v\n" * 30


def csv(folder: Path) -> Path:
    folder.mkdir()
    (folder / "train.csv").write_text(TABLE)
    (folder / "test.csv").write_text("a,b,y\n5,6,u\n7,8,v\n")
    (folder / "sample_submission.csv").write_text("id,y\n1,u\n")
    return folder


def parquet(folder: Path) -> Path:
    folder.mkdir()
    for split in ("train", "test", "extra"):
        columns = {"a": np.arange(40.0) + len(split), "y": ["u", "v"] * 20}
        pq.write_table(pa.table(columns), folder / f"{split}.parquet")
    return folder


def npz(folder: Path) -> Path:
    folder.mkdir()
    x = np.arange(80.0).reshape(40, 2)
    np.savez(folder / "raw.npz", x=x, y=np.arange(40) % 2, ids=np.arange(40))
    return folder / "raw.npz"


def idx(folder: Path) -> Path:
    (small_idx(folder) / "readme.md").write_text("about")
    return folder


def text(folder: Path) -> Path:
    folder.mkdir()
    (folder / "train.txt").write_text("ab\nba\n")
    (folder / "test.txt").write_text("ab\n")
    (folder / "README.txt").write_text("about\n")
    return folder


def images(folder: Path) -> Path:
    image_folder(folder / "train", {"a": 3, "b": 3})
    image_folder(folder / "test", {"a": 1, "b": 1}, height=8, first_seed=50)
    image_folder(folder / "originals", {"raw": 2}, first_seed=90)
    return folder


SOURCES = {
    "csv": (csv, "files", 1),
    "parquet": (parquet, "files", 1),
    "npz": (npz, "arrays", 1),
    "idx": (idx, "files", 1),
    "text": (text, "files", 1),
    "image-folder": (images, "images", 2),
}


def rows(manifest: Manifest, section: str) -> dict[str, Finding]:
    """The findings of a section, by what they are about."""
    assert manifest.import_summary is not None
    return {
        f"{finding.what}: {finding.value}".removesuffix(": "): finding
        for finding in getattr(manifest.import_summary, section)
    }


@pytest.mark.parametrize("kind", SOURCES)
def test_every_import_says_what_it_left_out_and_guessed(tmp_path: Path, kind: str) -> None:
    make, what, count = SOURCES[kind]
    manifest = import_dataset(make(tmp_path / "raw"), tmp_path / "out")

    assert rows(manifest, "left_out")[what].count == count
    assert str(tmp_path) not in manifest.to_json()
    assert rows(manifest, "guessed")[f"kind of source: {kind}"].option == "--kind"
    read = rows(manifest, "read")
    for name, split in manifest.splits.items():
        assert read[f"samples of {name}"].count == split.num_samples
    assert read_manifest(tmp_path / "out") == manifest


def test_import_and_inspect_show_the_summary_as_a_table_and_in_json(tmp_path: Path) -> None:
    raw = csv(tmp_path / "raw")
    imported = CliRunner().invoke(app, ["data", "import", str(raw), str(tmp_path / "out")])
    inspected = CliRunner().invoke(app, ["data", "inspect", str(tmp_path / "out")])
    shown = CliRunner().invoke(app, ["data", "inspect", str(tmp_path / "out"), "--json"])

    for output in (imported.stdout, inspected.stdout):
        (line,) = (line for line in output.splitlines() if "left out" in line)
        cells = [cell.strip() for cell in line.strip("│").split("│")]
        assert cells[:3] == ["left out", "1", "files"]
        assert cells[4] == "sample_submission.csv"
    (left_out,) = json.loads(shown.stdout)["import_summary"]["left_out"]
    assert (left_out["count"], left_out["example"]) == (1, "sample_submission.csv")


def test_summary_is_no_part_of_the_identity_of_a_dataset(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 2, "b": 2})
    first = import_dataset(raw, tmp_path / "one", test_fraction=0)
    (raw / "a" / "notes.txt").write_text("about")
    second = import_dataset(raw, tmp_path / "two", test_fraction=0)

    assert first.import_summary != second.import_summary
    assert first.sha256 == second.sha256


def test_equal_findings_are_counted(tmp_path: Path) -> None:
    findings = Findings()
    findings.source = tmp_path
    for name in ("one.xyz", "two.xyz"):
        findings.left_out("files", "unknown", example=str(tmp_path / name))
    findings.left_out("files", "hidden", example="bad \udcff name", count=3)

    assert findings.summary() == ImportSummary(
        left_out=(
            Finding(what="files", why="unknown", count=2, example="one.xyz"),
            Finding(what="files", why="hidden", count=3, example="bad \\udcff name"),
        )
    )


def test_the_split_that_a_run_measures_is_named_where_there_is_no_test(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"a": 3, "b": 3})
    image_folder(tmp_path / "raw" / "val", {"a": 1, "b": 1}, first_seed=50)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert set(manifest.splits) == {"train", "val"}
    guess = rows(manifest, "guessed")["split that a run measures: val"]
    assert guess.option == "evaluate.split in the job file"


def test_dataset_without_a_split_to_measure_says_so(tmp_path: Path) -> None:
    folder = image_folder(tmp_path / "raw", {"a": 3, "b": 3})
    manifest = import_dataset(folder, tmp_path / "out", test_fraction=0)
    warning = rows(manifest, "warnings")["no split called test"]
    assert (warning.why, warning.option) == ("a run measures nothing", "--test-fraction 0.2")


def test_test_fraction_without_effect_is_said(tmp_path: Path) -> None:
    manifest = import_dataset(csv(tmp_path / "raw"), tmp_path / "out", test_fraction=0.5)
    assert "--test-fraction has no effect" in rows(manifest, "warnings")


def test_samples_of_test_that_were_trained_on_are_counted(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"a": 3, "b": 3})
    image_folder(tmp_path / "raw" / "test", {"a": 1, "b": 2}, first_seed=50)
    for name, seed in (("a/copy", 2), ("b/copy", 5), ("b/copy2", 5)):
        (tmp_path / "raw" / "test" / f"{name}.png").write_bytes(picture(seed))
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    warnings = rows(manifest, "warnings")
    copies = warnings["samples of test that are in train as well"]
    assert (copies.count, copies.example) == (3, "test/a/copy.png and train/a/1.png")
    assert "equal images in different classes" not in warnings


def test_pictures_with_two_labels_are_counted(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 9, "b": 3})
    for name, seed in (("copy", 2), ("other", 3), ("again", 3), ("same", 12)):
        (raw / "b" / f"{name}.png").write_bytes(picture(seed))
    manifest = import_dataset(raw, tmp_path / "out")

    conflict = rows(manifest, "warnings")["equal images in different classes"]
    assert conflict.count == 5
    assert set(conflict.example.split(" and ")) <= {
        *("a/1.png", "a/2.png", "b/copy.png", "b/other.png", "b/again.png"),
    }


def test_classes_that_are_not_measured_or_look_alike_are_named(tmp_path: Path) -> None:
    train = "a,y\n" + "".join(f"{i},{['Cat', 'cat', 'dog'][i % 3]}\n" for i in range(30))
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train.csv").write_text(train)
    (tmp_path / "raw" / "test.csv").write_text("a,y\n41,Cat\n42,cat\n")
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    warnings = rows(manifest, "warnings")
    assert warnings["classes without samples in test"].example == "dog"
    assert warnings["classes whose names look alike"].example == "'Cat' and 'cat'"


@pytest.mark.parametrize("name", ["", "Unnamed: 0", "__index_level_0__"])
def test_columns_that_number_the_rows_are_no_features(tmp_path: Path, name: str) -> None:
    lines = [f"{i},{i % 7},{'uv'[i % 2]}" for i in range(40)]
    (tmp_path / "raw.csv").write_text("\n".join([f"{name},a,y", *lines]) + "\n")
    manifest = import_dataset(tmp_path / "raw.csv", tmp_path / "out")

    assert manifest.x.names == ("a",)
    assert rows(manifest, "left_out")["columns"].example == repr(name)


def test_index_that_pandas_wrote_is_known_by_its_metadata(tmp_path: Path) -> None:
    columns = {"patient": range(40), "a": [0.5, 1.5] * 20, "y": ["u", "v"] * 20}
    notes = {"index_columns": ["patient", {"kind": "range"}], "pandas_version": "2.2"}
    table = pa.table({name: list(column) for name, column in columns.items()})
    table = table.replace_schema_metadata({"pandas": json.dumps(notes)})
    pq.write_table(table, tmp_path / "raw.parquet")
    manifest = import_dataset(tmp_path / "raw.parquet", tmp_path / "out", test_fraction=0)

    assert manifest.x.names == ("a",)
    assert rows(manifest, "left_out")["columns"].why == "pandas wrote it as the index of the table"


def test_columns_that_count_the_rows_are_named(tmp_path: Path) -> None:
    lines = [f"{i + 7},{i // 2},{i % 7},{'uv'[i % 2]}" for i in range(9000)]
    (tmp_path / "raw.csv").write_text("\n".join(["id,half,a,y", *lines]) + "\n")
    manifest = import_dataset(tmp_path / "raw.csv", tmp_path / "out")

    assert manifest.x.names == ("id", "half", "a")
    warning = rows(manifest, "warnings")["columns that number the rows"]
    assert (warning.count, warning.option) == (1, "--drop 'id'")


def tables(folder: Path, name: str, splits: dict[str, list[str]]) -> Manifest:
    """Import one CSV file for each split, of the columns `name`, a and y."""
    (folder / name).mkdir()
    for split, lines in splits.items():
        (folder / name / f"{split}.csv").write_text("\n".join([f"{name},a,y", *lines]) + "\n")
    return import_dataset(folder / name, folder / "out", force=True)


def test_columns_that_number_the_rows_are_found_after_a_shuffle(tmp_path: Path) -> None:
    order = [(i * 37) % 100 + 5 for i in range(100)]
    lines = [f"{n},{n % 7},{'uv'[i % 2]}" for i, n in enumerate(order)]
    manifest = tables(tmp_path, "id", {"train": lines[:70], "test": lines[70:]})
    assert rows(manifest, "warnings")["columns that number the rows"].option == "--drop 'id'"
    lines[3] = f"{order[4]},1,u"
    manifest = tables(tmp_path, "code", {"train": lines[:70], "test": lines[70:]})
    assert "columns that number the rows" not in rows(manifest, "warnings")


def test_columns_that_vary_only_in_other_splits_are_named(tmp_path: Path) -> None:
    train = [f"5,{i % 7}.5,{'uv'[i % 2]}" for i in range(20)]
    test = [f"{i},{i % 7}.25,{'uv'[i % 2]}" for i in range(9)]
    manifest = tables(tmp_path, "site", {"train": train, "test": test})
    warning = rows(manifest, "warnings")["columns that vary in test, but not in train"]
    assert warning.example == "'site'"
    metres = [f"{i},{i}.5,u" for i in range(20)]
    manifest = tables(tmp_path, "m", {"train": metres, "test": [f"{i}000,1.5,u" for i in range(9)]})
    warning = rows(manifest, "warnings")["columns that are far from train in test"]
    assert (warning.example, warning.count) == ("'m'", 1)
    manifest = tables(tmp_path, "unit", {"train": train, "test": train[:7]})
    warning = rows(manifest, "warnings")["columns in which all numbers are equal"]
    assert warning.example == "unit"


@pytest.mark.parametrize(
    ("target", "codes", "is_copy"),
    [
        ("uvw", (7, 1_700_000_000, 0), True),
        ("uvw", (1, 2, 1), False),
        (("0.5", "2.25", "1.5"), (0.5, 2.25, 1.5), True),
        (("0.5", "2.25", "1.5"), (1, 4.5, 3), False),
    ],
)
def test_columns_that_hold_the_target_are_named(
    tmp_path: Path, target: Sequence[str], codes: Sequence[float], is_copy: bool
) -> None:
    lines = [f"{codes[i % 3]},{i % 7}.5,{target[i % 3]}" for i in range(30)]
    manifest = tables(tmp_path, "code", {"train": lines[:21], "test": lines[21:]})
    found = rows(manifest, "warnings").get("columns that hold the target")
    assert (found is not None and found.example == "'code'") == is_copy
    lines[29] = f"5,1.5,{target[2]}"
    manifest = tables(tmp_path, "mark", {"train": lines[:21], "test": lines[21:]})
    assert "columns that hold the target" not in rows(manifest, "warnings")


def test_targets_that_name_the_samples_are_reported(tmp_path: Path) -> None:
    lines = [f"{i},{i % 7}.5,n{i}" for i in range(20)]
    manifest = tables(tmp_path, "b", {"train": lines})
    assert rows(manifest, "warnings")["classes with a single sample"].count == 20


def test_files_that_are_joined_or_empty_are_named(tmp_path: Path) -> None:
    lines = [f"{i},{i % 7}.5,{'uv'[i % 2]}" for i in range(8)]
    splits = {"train": lines[:4], "train (1)": lines[4:], "train-2": [], "test": lines[:2]}
    manifest = tables(tmp_path, "b", splits)
    joined = rows(manifest, "guessed")["files joined: train"]
    assert joined.example == "train (1).csv, train-2.csv, train.csv"
    assert rows(manifest, "left_out")["files"].example == "train-2.csv"
    assert manifest.splits["train"].num_samples == 8
    with pytest.raises(DataError, match=r"test.csv: no rows"):
        tables(tmp_path, "c", {"train": lines, "test": []})


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("t.feather", "convert t.feather to Parquet, such as with pandas.read_feather and"),
        ("t.jsonl", "pandas.read_json"),
        ("x.npy", "numpy.savez"),
        ("part-00000.csv", r"name the CSV files train\*.csv .* as one table: --kind csv"),
        ("data/train.csv", "it has tables in the folder data; import that folder"),
    ],
)
def test_tables_of_other_kinds_are_refused_with_what_to_do(
    tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "raw" / name).parent.mkdir(parents=True)
    (tmp_path / "raw" / name).write_bytes(b"")
    with pytest.raises(DataError, match=f"not recognised as any of .*{message}"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_kinds_that_were_possible_too_are_named(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 3})
    (raw / "train.txt").write_text("a/0.png\n")
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)
    guess = rows(manifest, "guessed")["kind of source: image-folder"]
    assert guess.why == "by the files; it could also be read as text"

    parquet(tmp_path / "table")
    image_folder(tmp_path / "table" / "previews", {"a": 1})
    manifest = import_dataset(tmp_path / "table", tmp_path / "out", force=True)
    assert manifest.source == "parquet: table"


def test_pictures_without_class_folders_are_refused_with_what_to_do(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {".": 2})
    with pytest.raises(DataError, match="for images, make one folder a class"):
        import_dataset(tmp_path / "raw", tmp_path / "out")
    (tmp_path / "raw" / "labels.csv").write_text("file,label\n")
    with pytest.raises(DataError, match=r"if a table names these images .*: .*raw/labels\.csv$"):
        import_dataset(tmp_path / "raw", tmp_path / "out")
    (tmp_path / "raw" / "labels.csv").unlink()
    with pytest.raises(DataError, match=r"found 0 class folders(.|\n)*left out: 2 images"):
        import_dataset(tmp_path / "raw", tmp_path / "out", kind="image-folder")


def test_a_single_class_is_warned_of(tmp_path: Path) -> None:
    (tmp_path / "raw.csv").write_text("a,y\n1,u\n2,u\n3,u\n")

    manifest = import_dataset(tmp_path / "raw.csv", tmp_path / "out", test_fraction=0)

    assert rows(manifest, "warnings")["a single class"].example == "u"


def test_a_source_that_does_not_exist_is_named_before_a_dataset_that_does(tmp_path: Path) -> None:
    parquet(tmp_path / "raw")
    import_dataset(tmp_path / "raw", tmp_path / "out")
    with pytest.raises(DataError, match=r"row: found no such file or folder"):
        import_dataset(tmp_path / "row", tmp_path / "out")
