import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.errors import DataError
from tests.data.raw_files import picture, read_split, small_idx


def import_table(folder: Path, columns: dict[str, Any], **options: Any) -> Manifest:
    return import_arrow(folder, pa.table(columns), **options)


def import_arrow(folder: Path, table: pa.Table, **options: Any) -> Manifest:
    pq.write_table(table, folder / "table.parquet")
    return import_dataset(
        folder / "table.parquet", folder / "out", test_fraction=0, force=True, options=options
    )


def test_columns_of_any_number_type_are_features(tmp_path: Path) -> None:
    columns = {
        "i": pa.array([1, 2], pa.int64()),
        "h": pa.array([0.5, 1.5], pa.float16()),
        "b": [True, False],
        "d": pa.array(["1.5", "2"]).cast(pa.decimal128(5, 2)),
        "y": pa.array(["u", "v"]).dictionary_encode(),
    }
    manifest = import_table(tmp_path, columns)
    assert manifest.x.names == ("i", "h", "b", "d")
    assert manifest.y.classes == ("u", "v")
    assert read_split(tmp_path / "out", "train")[0].tolist() == [[1, 0.5, 1, 1.5], [2, 1.5, 0, 2]]


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string()])
def test_texts_of_any_type_are_labels(tmp_path: Path, kind: pa.DataType) -> None:
    columns = {"a": pa.array(["1", "2.5"], kind), "y": pa.array(["u", "v"], kind)}
    assert import_table(tmp_path, columns).y.classes == ("u", "v")
    assert read_split(tmp_path / "out", "train")[0].tolist() == [[1], [2.5]]


def test_categories_without_samples_are_counted(tmp_path: Path) -> None:
    words = pa.DictionaryArray.from_arrays(pa.array([2, 0, 2], pa.int8()), ["low", "mid", "high"])
    manifest = import_table(tmp_path, {"a": [0.5, 1.5, 2.5], "y": words})
    assert manifest.y.classes == ("high", "low")
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.example) == ("categories", "'mid'")


def test_times_that_differ_in_most_rows_are_no_classes_unless_it_is_said(tmp_path: Path) -> None:
    columns = {"a": [0.5 + n for n in range(30)], "y": pa.array(range(30), pa.duration("s"))}
    with pytest.raises(DataError, match=r"row 0 .*'0': it holds times of day or durations, which"):
        import_table(tmp_path, columns)
    assert len(import_table(tmp_path, columns, target_kind="class").y.classes) == 30


def test_many_batches_keep_their_order(tmp_path: Path) -> None:
    values = np.arange(10_000, dtype=np.float32)
    import_table(tmp_path, {"a": values, "y": values})
    x, y = read_split(tmp_path / "out", "train")
    np.testing.assert_array_equal(x[:, 0], values)
    np.testing.assert_array_equal(y[:, 0], values)


@pytest.mark.parametrize("as_struct", [True, False])
def test_encoded_images_are_decoded(tmp_path: Path, as_struct: bool) -> None:
    files = [picture(seed) for seed in range(3)]
    cells = [{"bytes": file, "path": "x.png"} for file in files] if as_struct else files
    manifest = import_table(tmp_path, {"image": cells, "label": [0, 1, 0]}, classes=("a", "b"))
    assert (manifest.x.shape, manifest.y.classes) == ((3, 8, 10), ("a", "b"))
    x, y = read_split(tmp_path / "out", "train")
    (tmp_path / "1.png").write_bytes(files[1])
    pixels = np.asarray(Image.open(tmp_path / "1.png"))
    np.testing.assert_array_equal(x[1].transpose(1, 2, 0), pixels)
    assert y.tolist() == [0, 1, 0]


def test_class_names_come_from_the_notes_of_hugging_face(tmp_path: Path) -> None:
    notes = {"info": {"features": {"label": {"names": ["ant", "bee"], "_type": "ClassLabel"}}}}
    table = pa.table({"image": [picture(1), picture(2)], "label": [1, 0]})
    manifest = import_arrow(
        tmp_path, table.replace_schema_metadata({"huggingface": json.dumps(notes)})
    )
    assert manifest.y.classes == ("ant", "bee")
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0]


def test_class_names_of_hugging_face_name_the_labels_of_tables(tmp_path: Path) -> None:
    notes = {"info": {"features": {"label": {"names": ["ant", "bee"], "_type": "ClassLabel"}}}}
    table = pa.table({"a": [0.5, 1.5], "label": [1, 0]})
    noted = table.replace_schema_metadata({"huggingface": json.dumps(notes)})
    assert import_arrow(tmp_path, noted).y.classes == ("ant", "bee")
    assert import_arrow(tmp_path, noted, target_kind="number").y.kind == "number"


@pytest.mark.parametrize(("index", "noted"), [("__index_level_0__", []), ("row", ["row"])])
def test_the_index_that_pandas_writes_is_left_out(
    tmp_path: Path, index: str, noted: list[str]
) -> None:
    table = pa.table({"a": [0.5, 1.5], index: [10, 11], "y": ["u", "v"]})
    notes = {"pandas": json.dumps({"index_columns": noted})}
    manifest = import_arrow(tmp_path, table.replace_schema_metadata(notes))
    assert manifest.x.names == ("a",)
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.example) == ("columns", repr(index))


def import_splits(folder: Path, **splits: pa.Table) -> Manifest:
    (folder / "raw").mkdir()
    for split, table in splits.items():
        pq.write_table(table, folder / "raw" / f"{split}.parquet")
    return import_dataset(folder / "raw", folder / "out")


def test_files_in_which_an_index_means_another_class_are_refused(tmp_path: Path) -> None:
    def noted(*names: str) -> pa.Table:
        notes = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = pa.table({"a": [0.5, 1.5], "label": [0, 1]})
        return table.replace_schema_metadata({"huggingface": json.dumps(notes)})

    message = r"other names of the classes of 'label' into this file, dog, cat, than into train"
    with pytest.raises(DataError, match=message):
        import_splits(tmp_path, train=noted("cat", "dog"), test=noted("dog", "cat"))


@pytest.mark.parametrize("index", ["__index_level_0__", "row"])
def test_an_index_may_be_in_some_of_the_files(tmp_path: Path, index: str) -> None:
    notes = {"pandas": json.dumps({"index_columns": [index]})}
    train = pa.table({"a": [0.5, 1.5], index: [10, 11], "y": ["u", "v"]})
    test = pa.table({"a": [3.5, 4.5], "y": ["u", "v"]})
    manifest = import_splits(tmp_path, train=train.replace_schema_metadata(notes), test=test)
    assert manifest.x.names == ("a",)
    assert read_split(tmp_path / "out", "test")[0].tolist() == [[3.5], [4.5]]


def test_files_with_other_columns_are_refused_with_these(tmp_path: Path) -> None:
    train = pa.table({"a": [0.5, 1.5], "y": ["u", "v"]})
    with pytest.raises(DataError, match="test.parquet: .* than train.parquet: it has no 'y' and a"):
        import_splits(tmp_path, train=train, test=pa.table({"a": [0.5], "b": [1]}))


def test_files_without_rows_are_left_out(tmp_path: Path) -> None:
    table = pa.table({"image": [picture(1), picture(2)], "label": ["u", "v"]})
    splits = {"train-0": table, "train-1": table.slice(0, 0), "test": table}
    manifest = import_splits(tmp_path, **splits)
    assert manifest.splits["train"].num_samples == 2
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert left_out.example == "train-1.parquet"


@pytest.mark.parametrize("notes", ['{"index_columns": 3}', "[]", "none", '{"info": [1]}'])
def test_notes_of_other_tools_that_are_damaged_are_ignored(tmp_path: Path, notes: str) -> None:
    table = pa.table({"a": [0.5, 1.5], "y": ["u", "v"]})
    noted = table.replace_schema_metadata({"pandas": notes, "huggingface": notes})
    assert import_arrow(tmp_path, noted).y.classes == ("u", "v")


def test_columns_beside_an_image_and_its_target_are_counted(tmp_path: Path) -> None:
    columns = {"image": [picture(1), picture(2)], "width": [8, 8], "mask": [b"a", b"b"]}
    manifest = import_table(tmp_path, columns | {"label": [b"u", b"v"]}, drop=("mask",))
    assert manifest.y.classes == ("u", "v")
    assert manifest.import_summary is not None
    assert sum(f.count for f in manifest.import_summary.left_out if f.what == "columns") == 2


def test_files_of_a_folder_are_splits(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for name, rows in (("train-00000-of-00002", 3), ("train-00001-of-00002", 2), ("test-0", 1)):
        table = pa.table({"a": np.arange(rows) + 0.5, "y": np.arange(rows) + 0.5})
        pq.write_table(table, tmp_path / "raw" / f"{name}.parquet")
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")
    assert manifest.splits["train"].num_samples == 5
    assert manifest.splits["test"].num_samples == 1


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"a": [None, float("nan")], "y": [1.5, 2]}, r"row 0 .*'a' is missing in all 2 rows"),
        ({"a": [1.0, 2.0], "y": [1.5, float("nan")]}, r"row 1 .*the target 'y' is missing"),
        ({"a": [1.0, 2.0], "y": [1.5, None]}, r"row 1 .*the target 'y' is missing"),
        ({"a": [["u"], ["v"]], "y": [1.5, 2]}, r"columns of .*: 'a' \(such as .*'u'"),
        ({"a": pa.array([], pa.float32()), "y": pa.array([], pa.float32())}, "no rows"),
        ({"a": [b"no image"], "y": [1]}, r"row 0 .*cannot be read as an image"),
        ({"a": [b""], "y": [1]}, r"row 0 .*the image is missing"),
        ({"a": [picture(1), picture(2, height=9)], "y": [0, 1]}, "2 different sizes"),
        ({"a": [picture(1)], "b": [picture(1)], "y": [0]}, "more than one column of images: a, b"),
    ],
)
def test_import_says_what_is_wrong_and_where(
    tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=r"(?s)table\.parquet.*" + message + "|" + message):
        import_table(tmp_path, columns)
    assert [path.name for path in tmp_path.iterdir()] == ["table.parquet"]


def test_rows_whose_image_cannot_be_read_are_all_named_or_left_out(tmp_path: Path) -> None:
    images = [picture(seed) for seed in range(200)]
    images[3], images[90], images[199] = b"<html>", None, picture(199, kind="BMP")[:-30]
    columns = {"image": images, "y": [f"c{row}" for row in range(100)] * 2}
    with pytest.raises(DataError) as caught:
        import_table(tmp_path, columns)
    lines = str(caught.value).splitlines()
    assert ["row 3" in lines[0], "row 90" in lines[1], len(lines)] == [True, True, 3]

    manifest = import_table(tmp_path, columns, skip_unreadable=True)
    x, y = read_split(tmp_path / "out", "train")
    read = [row for row in range(200) if row not in (3, 90, 199)]
    assert [manifest.y.classes[label] for label in y] == [columns["y"][row] for row in read]
    assert len(np.unique(x, axis=0)) == len(read)
    assert manifest.import_summary is not None
    rows = [f for f in manifest.import_summary.left_out if f.what == "rows"]
    assert sum(row.count for row in rows) == 3
    assert rows[0].example == "table.parquet: row 3 (counted from 0), column 'image'"

    images[:] = [b""] * 200
    with pytest.raises(DataError, match="no image can be read\nleft out: 200 rows.*is missing"):
        import_table(tmp_path, columns, skip_unreadable=True)


@pytest.mark.parametrize("num_bytes", [0, 10, 400])
def test_import_refuses_a_truncated_file(tmp_path: Path, num_bytes: int) -> None:
    file = tmp_path / "table.parquet"
    pq.write_table(pa.table({"a": np.arange(999), "y": np.arange(999)}), file)
    file.write_bytes(file.read_bytes()[:num_bytes])
    with pytest.raises(DataError, match=r"table\.parquet: damaged"):
        import_dataset(file, tmp_path / "out")


def test_import_refuses_a_dataset_of_distnet(tmp_path: Path) -> None:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out")
    with pytest.raises(DataError, match="already a distnet dataset; use it directly"):
        import_dataset(tmp_path / "out", tmp_path / "again")


def test_folders_that_say_key_and_value_are_columns(tmp_path: Path) -> None:
    for label, part in (("cat", [1.0, 2.0]), ("a%20dog", [3.0]), ("cat", [4.0])):
        folder = tmp_path / "raw" / f"label={label}"
        folder.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"a": part}), folder / f"part-{part[0]}.parquet")
    (tmp_path / "raw" / "_SUCCESS").touch()

    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)

    assert (manifest.x.names, manifest.y.classes) == (("a",), ("a dog", "cat"))
    x, y = read_split(tmp_path / "out", "train")
    assert (x[:, 0].tolist(), y.tolist()) == ([3, 1, 2, 4], [0, 1, 1, 1])
    assert manifest.import_summary is not None
    guessed = {row.what: row.value for row in manifest.import_summary.guessed}
    assert guessed["columns from the names of folders"] == "label"


def test_partitions_of_pyarrow_may_be_splits(tmp_path: Path) -> None:
    table = pa.table(
        {
            "split": ["train", "train", "train", "test"],
            "town": ["Rome", "Paris", "Rome", "Rome"],
            "y": [1.5, 2.5, 3.5, 4.5],
        }
    )
    pq.write_to_dataset(table, tmp_path / "raw", partition_cols=["split", "town"])

    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert set(manifest.splits) == {"train", "test"}
    assert manifest.x.names == ("town=Paris", "town=Rome")
    assert read_split(tmp_path / "out", "test")[0].tolist() == [[0, 1]]
