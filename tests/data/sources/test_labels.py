"""Which labels are one class, which are refused, and what the import says of its decision."""

import datetime
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.survey.summary import Finding
from distnet.errors import DataError
from tests.data.raw_files import read_split


def import_csv(folder: Path, labels: list[str], **options: Any) -> Manifest:
    file = folder / "t.csv"
    file.write_text("a,label\n" + "".join(f"{n},{label}\n" for n, label in enumerate(labels)))
    return import_dataset(file, folder / "out", test_fraction=0, options=options, force=True)


def import_parquet(folder: Path, labels: Any, **options: Any) -> Manifest:
    columns = {"a": np.arange(len(labels)) + 0.5, "label": labels}
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return import_dataset(
        folder / "t.parquet", folder / "out", test_fraction=0, options=options, force=True
    )


def import_splits(folder: Path, train: list[Any], test: list[Any], suffix: str) -> Manifest:
    (folder / "raw").mkdir(exist_ok=True)
    for split, labels in (("train", train), ("test", test)):
        file = folder / "raw" / f"{split}.{suffix}"
        if suffix == "csv":
            file.write_text("a,label\n" + "".join(f"{n},{x}\n" for n, x in enumerate(labels)))
        else:
            pq.write_table(pa.table({"a": range(len(labels)), "label": labels}), file)
    return import_dataset(folder / "raw", folder / "out", force=True)


def guess(manifest: Manifest, what: str) -> Finding:
    assert manifest.import_summary is not None
    return next(found for found in manifest.import_summary.guessed if found.what == what)


def warnings(manifest: Manifest) -> dict[str, Finding]:
    assert manifest.import_summary is not None
    return {found.what: found for found in manifest.import_summary.warnings}


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        ([str(2**63 + 2), str(2**63), "7"], ("7", str(2**63), str(2**63 + 2))),
        (["0123", "123"], ("0123", "123")),
        (["00567", "12345"], ("00567", "12345")),
        (["5", "+5"], ("+5", "5")),
        (["5", "5.0"], ("5", "5.0")),
        (["1e3", "1000"], ("1e3", "1000")),
        (["0", "-0"], ("-0", "0")),
        (["5", " 5"], (" 5", "5")),
        ([" cat", " dog"], ("cat", "dog")),
        (["True", "False"], ("False", "True")),
        (["٣", "3"], ("3", "٣")),
        (["x2", "x10"], ("x2", "x10")),
    ],
)
def test_labels_of_a_csv_file_are_distinguished_as_text(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...]
) -> None:
    manifest = import_csv(tmp_path, labels * 2)
    assert manifest.y.kind == "class"
    assert sorted(manifest.y.classes) == sorted(classes)
    assert set(manifest.y.class_counts["train"]) == {2}


def test_whole_numbers_are_in_the_order_of_their_size(tmp_path: Path) -> None:
    labels = ["10", "-3", str(2**63 + 1), "9", str(2**63)]
    classes = import_csv(tmp_path, labels * 2).y.classes
    assert classes == ("-3", "9", "10", str(2**63), str(2**63 + 1))


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        (pa.array([2**63 - 1, 2**63 - 2] * 2, pa.int64()), (str(2**63 - 2), str(2**63 - 1))),
        (pa.array([2**64 - 1, 2**64 - 2] * 2, pa.uint64()), (str(2**64 - 2), str(2**64 - 1))),
        (pa.array([2.0, -0.0, 0.0, 10.0] * 2), ("0", "2", "10")),
        (pa.array([True, False] * 2), ("false", "true")),
        (pa.array(["0123", "123"] * 2), ("0123", "123")),
        (pa.array(["10001", "2"] * 2).dictionary_encode(), ("2", "10001")),
        (pa.array([b"cat", b"dog"] * 2), ("cat", "dog")),
        (pa.array([b"cat", b"dog"] * 2, pa.binary(3)), ("cat", "dog")),
        (
            pa.array([datetime.date(2024, 1, day) for day in (2, 1, 2, 1)]),
            ("2024-01-01", "2024-01-02"),
        ),
        (pa.array(["5.00", "7.00"] * 2).cast(pa.decimal128(30, 2)), ("5", "7")),
    ],
)
def test_labels_of_any_type_keep_every_digit(
    tmp_path: Path, labels: pa.Array, classes: tuple[str, ...]
) -> None:
    manifest = import_parquet(tmp_path, labels)
    assert manifest.y.classes == classes


def test_text_of_digits_with_many_values_stays_text_where_the_file_has_types(
    tmp_path: Path,
) -> None:
    codes = [str(10_000 + number) for number in range(50)] * 2
    assert import_parquet(tmp_path, codes).y.kind == "class"
    assert import_csv(tmp_path, codes).y.kind == "number"


@pytest.mark.parametrize(
    "labels",
    [
        ["100", "200", '"1,200"'],
        ["1 000", "2 000"],
        ["1'000.50", "2'000.25"],
        ['"1,5"', '"2,5"'],
        ["10%", "20 %"],
        ["$5", "$7.50", "€8"],
        ["1", "2", "inf"],
        [f"{n}.5%" for n in range(40)],
    ],
)
def test_numbers_in_another_notation_are_no_classes_unless_it_is_said(
    tmp_path: Path, labels: list[str]
) -> None:
    with pytest.raises(DataError, match=r"t\.csv:\d+: .* notation that is not read.*--target-kind"):
        import_csv(tmp_path, labels * 4)
    manifest = import_csv(tmp_path, labels * 4, target_kind="class")
    assert len(manifest.y.classes) == len(labels)


def test_labels_that_are_no_numbers_in_any_notation_are_classes(tmp_path: Path) -> None:
    for labels in (["1/2", "1/3"], ["12:30", "13:00"], ["18-25", "26-35"], ["2024-01-31", "x"]):
        assert import_csv(tmp_path, labels * 2).y.classes == tuple(labels)


def test_one_number_written_otherwise_in_another_file_is_no_class(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for shard, labels in enumerate((["1", "2"], ["1.0", "2.0"])):
        rows = "".join(f"{n},{label}\n" for n, label in enumerate(labels * 9))
        (tmp_path / "raw" / f"train-{shard}.csv").write_text("a,label\n" + rows)
    with pytest.raises(DataError, match=r"train-1.csv:2: .* is '1.0', but '1' at .*train-0.csv:2"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_labels_of_thousands_of_digits_are_sorted(tmp_path: Path) -> None:
    labels = ["9" * 5000, "8" * 5000, "7"]
    assert import_csv(tmp_path, labels, target_kind="class").y.classes == tuple(sorted(labels))


def test_a_class_of_a_test_split_may_be_named_though_train_has_one_like_it(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for split, label in (("train", "A"), ("test", "a")):
        (tmp_path / "raw" / f"{split}.csv").write_text(f"x,label\n1,{label}\n2,B\n")
    options = {"classes": ("A", "B", "a")}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", options=options)
    assert manifest.y.class_counts == {"train": (1, 1, 0), "test": (0, 1, 1)}


def test_floats_of_any_width_have_one_writing(tmp_path: Path) -> None:
    for kind in (pa.float16(), pa.float32(), pa.float64()):
        labels = pa.array(np.array([0.1, 2.0, 0.1, 2.0]).astype(kind.to_pandas_dtype()))
        manifest = import_parquet(tmp_path, labels, target_kind="class")
        assert manifest.y.classes == ("0.1", "2")


def test_decimals_of_any_scale_have_one_writing(tmp_path: Path) -> None:
    labels = [Decimal("0"), Decimal("5"), Decimal("-0.0000000001"), Decimal("5")]
    manifest = import_parquet(
        tmp_path, pa.array(labels, pa.decimal128(20, 10)), target_kind="class"
    )
    assert sorted(manifest.y.classes) == ["-0.0000000001", "0", "5"]


def test_versions_are_classes_on_request(tmp_path: Path) -> None:
    labels = ["3.1", "3.10", "3.9"] * 2
    assert import_csv(tmp_path, labels).y.kind == "number"
    assert import_csv(tmp_path, labels, target_kind="class").y.classes == ("3.1", "3.9", "3.10")


@pytest.mark.parametrize("missing", ["", "  ", "nan", "NaN", "<NA>", "NaT"])
@pytest.mark.parametrize("others", [["none", "cat"], ["na", "1"], ["1", "2"], ["1.5", "2.25"]])
def test_a_missing_label_in_a_csv_file_is_refused_with_its_row(
    tmp_path: Path, missing: str, others: list[str]
) -> None:
    with pytest.raises(DataError, match=r"t\.csv:42: the target 'label' is missing"):
        import_csv(tmp_path, [*others * 20, missing, *others])


@pytest.mark.parametrize(
    "labels",
    [
        pa.array(["none", "cat", None, "cat"]),
        pa.array(["none", "cat", "", "cat"]),
        pa.array(["none", "cat", None, "cat"]).dictionary_encode(),
        pa.array([1, 2, None, 2]),
        pa.array([1.0, 2.0, float("nan"), 2.0], from_pandas=False),
        pa.array([True, False, None, True]),
        pa.array([b"none", b"a", None, b"a"]),
        pa.array([datetime.date(2024, 1, 1)] * 2 + [None]),
    ],
)
@pytest.mark.parametrize("kind", [None, "class"])
def test_a_missing_label_in_a_parquet_file_is_refused_with_its_row(
    tmp_path: Path, labels: pa.Array, kind: str | None
) -> None:
    with pytest.raises(DataError, match=r"row 2 \(counted from 0\): the target 'label' is missing"):
        import_parquet(tmp_path, labels, target_kind=kind)


def test_a_class_may_have_the_name_of_a_gap_and_that_is_said(tmp_path: Path) -> None:
    manifest = import_csv(tmp_path, ["mild", "none"] * 2)
    assert manifest.y.classes == ("mild", "none")
    assert warnings(manifest)["class named as a missing value"].example == "t.csv:3: 'none'"
    named = import_csv(tmp_path, ["nan", "b"] * 2, classes=("b", "nan"))
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0, 1, 0]
    assert named.y.classes == ("b", "nan")


def test_numbers_with_a_gap_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t\.csv:4: the target 'label' is missing"):
        import_csv(tmp_path, ["1", "2", "NA", "1", "2"])


def test_bytes_that_are_no_text_are_refused_with_their_row(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"row 1 .*: the target 'label' is b'\\xff', expected UTF-8"
    ):
        import_parquet(tmp_path, pa.array([b"a", b"\xff"]))


@pytest.mark.parametrize(
    ("train", "test", "suffix", "message"),
    [
        (
            ["1", "2"],
            ["1.0", "2.0"],
            "csv",
            r"test.csv:2: the target 'label' is '1.0', but '1' at .*train.csv:2",
        ),
        (["0123", "7"], ["123", "7"], "csv", "is '123', but '0123'"),
        (["1", "2"], ["cat", "dog"], "csv", "is 'cat', but '1'"),
        (["cat", "dog"], ["1", "2"], "csv", "is '1', but 'cat'"),
        (
            [0, 1],
            [False, True],
            "parquet",
            r"train.parquet: row 0 .*holds numbers or text, but booleans at .*test.parquet",
        ),
        (
            ["2024-01-01"],
            [datetime.date(2024, 1, 1)],
            "parquet",
            "holds numbers or text, but dates",
        ),
        (
            [datetime.datetime(2024, 1, 1)],
            [datetime.date(2024, 1, 1)],
            "parquet",
            "holds times without a time zone, but dates at",
        ),
        (
            ["u", "v"],
            [" u", "v"],
            "csv",
            r"test.csv:2: the target 'label' is ' u', but 'u'",
        ),
        (["Cat", "dog"], ["cat", "dog"], "csv", "is 'cat', but 'Cat' at"),
        (["True", "False"], ["true", "false"], "csv", "is 'true', but 'True'"),
        (["caf\u00e9", "v"], ["cafe\u0301", "v"], "csv", "but 'caf\u00e9'"),
        (["1", "2"], ["1.5", "2"], "csv", "is '1.5', but train has only 2 different whole numbers"),
    ],
)
def test_splits_whose_labels_do_not_fit_together_are_refused(
    tmp_path: Path, train: list[Any], test: list[Any], suffix: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_splits(tmp_path, train * 2, test * 2, suffix)


def test_splits_whose_types_differ_but_not_their_labels_are_read(tmp_path: Path) -> None:
    noon = datetime.datetime(2024, 1, 1, 12)
    for kinds in (
        (pa.timestamp("ms"), pa.timestamp("ns")),
        (pa.decimal128(9, 1), pa.decimal128(9, 2)),
    ):
        value = noon if pa.types.is_timestamp(kinds[0]) else Decimal("1.5")
        columns = [pa.array([value] * 2, kind) for kind in kinds]
        (raw := tmp_path / "raw").mkdir(exist_ok=True)
        for split, column in zip(("train", "test"), columns, strict=True):
            pq.write_table(pa.table({"a": [1, 2], "label": column}), raw / f"{split}.parquet")
        options = {"target_kind": "class"}
        manifest = import_dataset(raw, tmp_path / "out", force=True, options=options)
        assert manifest.y.classes == (str(value),)
        shutil.rmtree(raw)
    manifest = import_splits(tmp_path, [1, 2, 1, 2], [1.0, 2.0, 2.0, 2.0], "parquet")
    assert manifest.y.class_counts == {"train": (2, 2), "test": (1, 3)}
    manifest = import_splits(tmp_path, ["a", "b"], ["a", "c"], "csv")
    assert warnings(manifest)["classes without samples in train"].example == "c"


@pytest.mark.parametrize(
    ("labels", "kind", "why"),
    [
        (["1", "2"] * 2, "class", "2 different whole numbers"),
        (["1.0", "2"] * 2, "class", "kept as text: '1.0' could be written otherwise"),
        (["0.5", "2"] * 2, "number", "numbers with fractions"),
        ([str(n) for n in range(50)], "number", "more than 20"),
        (["007", "1"] * 2, "class", "'007' has leading zeros"),
        (["a", "b"], "class", "labels are text"),
        ([str(2**60 + n) for n in range(50)] * 2, "class", "identifiers"),
    ],
)
def test_the_guess_of_classes_or_numbers_is_reported(
    tmp_path: Path, labels: list[str], kind: str, why: str
) -> None:
    manifest = import_csv(tmp_path, labels)
    found = guess(manifest, "kind of target")
    assert (manifest.y.kind, found.value) == (kind, kind)
    assert why in found.why
    assert found.option.startswith("--target-kind ")


def test_a_typing_error_among_numbers_does_not_make_them_classes(tmp_path: Path) -> None:
    labels = [f"{n}.5" for n in range(99)] + ["1O.5"]
    with pytest.raises(DataError, match=r"t\.csv:101: .*'1O.5'.*--target-kind class"):
        import_csv(tmp_path, labels)
    assert len(import_csv(tmp_path, labels, target_kind="class").y.classes) == 100


def test_labels_that_denote_one_number_are_reported(tmp_path: Path) -> None:
    found = warnings(import_csv(tmp_path, ["5", "5.0", "+5"] * 2))
    assert found["classes that denote the same number"].example == "'5' and '5.0' and '+5'"


def test_identifiers_that_were_floats_are_reported(tmp_path: Path) -> None:
    found = warnings(import_parquet(tmp_path, [2.0**60, 2.0**60 + 256] * 2))
    assert found["labels of more than 53 bits that were floats"].count == 2


def test_named_classes_stand_for_indices_of_any_writing(tmp_path: Path) -> None:
    names = ("ant", "bee")
    for labels in (["1", "0"], ["1.0", "0.0"], ["True", "False"]):
        import_csv(tmp_path, labels, classes=names)
        assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0]
    import_parquet(tmp_path, [True, False], classes=names)
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0]
    with pytest.raises(DataError, match="--target-kind is number"):
        import_csv(tmp_path, ["1", "0"], classes=names, target_kind="number")
