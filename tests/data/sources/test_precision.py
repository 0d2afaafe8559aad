"""Columns of numbers that float32 would flatten keep what varies, or are refused by name."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distnet.data.features.rows import read_rows
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.data.raw_files import read_split

SECONDS = 1_700_000_000


def import_column(folder: Path, numbers: list[Any], **options: Any) -> Manifest:
    """A CSV file with the numbers as a feature, beside a small one."""
    with (folder / "t.csv").open("w", newline="") as file:
        rows = [(number, index % 7, "ab"[index % 2]) for index, number in enumerate(numbers)]
        csv.writer(file).writerows([("time", "b", "label"), *rows])
    return import_dataset(
        folder / "t.csv", folder / "out", test_fraction=0, force=True, options=options
    )


def read_column(dataset: Path, split: str = "train") -> list[float]:
    return read_manifest(dataset).x.in_units(read_split(dataset, split)[0])[:, 0].tolist()


@pytest.mark.parametrize(
    "numbers",
    [
        [SECONDS + index % 60 for index in range(600)],
        [SECONDS * 1000 + index % 60 for index in range(600)],
        [SECONDS + index % 60 + 0.5 for index in range(600)],
        [2**24 + index for index in range(600)],
        [-(2**40) - index for index in range(600)],
        [SECONDS] * 599 + [SECONDS + 1],
    ],
)
def test_numbers_far_from_0_are_stored_relative_to_one_of_them(
    tmp_path: Path, numbers: list[float]
) -> None:
    manifest = import_column(tmp_path, numbers)
    assert read_column(tmp_path / "out") == numbers
    assert manifest.x.origin[1] == 0
    assert manifest.x.std[0] == pytest.approx(np.std(np.array(numbers) - numbers[0]))
    assert verify_dataset(tmp_path / "out") == []
    assert manifest.import_summary is not None
    (found,) = (f for f in manifest.import_summary.guessed if f.what.startswith("storage"))
    assert found.example.startswith("time: float32 rounds it by up to")


def test_ids_of_64_bits_are_subtracted_without_float64(tmp_path: Path) -> None:
    numbers = [1_543_212_345_678_901_248 + index % 3 for index in range(60)]
    import_column(tmp_path, numbers)
    x = read_split(tmp_path / "out", "train")[0][:, 0]
    assert (x - x[0]).tolist() == [index % 3 for index in range(60)]
    pq.write_table(
        pa.table({"a": pa.array(numbers, pa.uint64()), "label": ["u", "v"] * 30}),
        tmp_path / "t.parquet",
    )
    import_dataset(tmp_path / "t.parquet", tmp_path / "out", test_fraction=0, force=True)
    x = read_split(tmp_path / "out", "train")[0][:, 0]
    assert (x - x[0]).tolist() == [index % 3 for index in range(60)]


@pytest.mark.parametrize(
    "numbers", [list(range(1990, 2030)), [20.5 + index / 10 for index in range(40)], [2**24] * 40]
)
def test_ordinary_numbers_are_stored_as_they_are(tmp_path: Path, numbers: list[float]) -> None:
    manifest = import_column(tmp_path, numbers)
    assert manifest.x.origin == ()
    assert read_split(tmp_path / "out", "train")[0][:, 0].tolist() == [
        np.float32(n) for n in numbers
    ]


def test_targets_keep_what_varies(tmp_path: Path) -> None:
    numbers = [SECONDS + index * 0.25 for index in range(60)]
    (tmp_path / "t.csv").write_text("a,y\n" + "".join(f"{n % 7},{n}\n" for n in numbers))
    manifest = import_dataset(tmp_path / "t.csv", tmp_path / "out", test_fraction=0)
    y = manifest.y.in_units(read_split(tmp_path / "out", "train")[1])
    assert y[:, 0].tolist() == numbers
    assert manifest.y.caption(np.array([0.25], np.float32)) == f"{manifest.y.origin[0] + 0.25:.12g}"


def test_rows_to_predict_are_stored_as_those_of_the_dataset(tmp_path: Path) -> None:
    manifest = import_column(tmp_path, [SECONDS + index % 60 for index in range(600)])
    (tmp_path / "new.csv").write_text(f"b,time\n3,{SECONDS + 86_401}\n4,{SECONDS + 7}\n")
    rows = read_rows(tmp_path / "new.csv", manifest.x)
    assert manifest.x.in_units(rows).tolist() == [[SECONDS + 86_401, 3], [SECONDS + 7, 4]]


def test_both_splits_have_one_origin(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    for split, first in (("train", SECONDS), ("test", SECONDS + 10**6)):
        rows = "".join(f"{first + index},{index % 2}\n" for index in range(40))
        (tmp_path / "raw" / f"{split}.csv").write_text("a,y\n" + rows)
    import_dataset(tmp_path / "raw", tmp_path / "out")
    for split, first in (("train", SECONDS), ("test", SECONDS + 10**6)):
        assert read_column(tmp_path / "out", split) == [first + index for index in range(40)]


def test_whole_numbers_that_must_be_rounded_are_reported(tmp_path: Path) -> None:
    manifest = import_column(tmp_path, [index * 10_000_019 for index in range(60)])
    assert manifest.x.origin == ()
    assert manifest.import_summary is not None
    (found,) = (f for f in manifest.import_summary.warnings if "whole numbers" in f.what)
    assert found.example.startswith("time: float32 rounds it by up to 31;")


@pytest.mark.parametrize("gap", [0, -1, 0.5])
def test_numbers_beside_others_far_away_are_kept_but_reported(tmp_path: Path, gap: float) -> None:
    numbers = [gap] * 20 + [SECONDS + index for index in range(180)]
    manifest = import_column(tmp_path, numbers)
    assert read_column(tmp_path / "out")[20:] == numbers[20:]
    assert manifest.import_summary is not None
    (found,) = (f for f in manifest.import_summary.warnings if "become equal" in f.what)
    assert found.example.startswith("time: of 181 different numbers in a sample")


@pytest.mark.parametrize("gaps", [[0], [0, 1], [7]])
@pytest.mark.parametrize("part", [0.5, 0])
def test_numbers_that_stand_for_a_missing_one_may_come_first(
    tmp_path: Path, gaps: list[float], part: float
) -> None:
    """A file that is sorted by a column: thousands of equal numbers come before the times."""
    times = [SECONDS + index + part for index in range(5000)]
    columns = {"a": [*gaps * (6000 // len(gaps)), *times], "label": ["u", "v"] * 5500}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    manifest = import_dataset(tmp_path / "t.parquet", tmp_path / "out", test_fraction=0)
    assert manifest.import_summary is not None
    (found,) = (f for f in manifest.import_summary.warnings if "become equal" in f.what)
    assert found.example.startswith("a: of ")
    if len(gaps) == 1:
        assert read_column(tmp_path / "out")[6000:] == times


def test_frequent_gaps_among_times_do_not_become_the_origin(tmp_path: Path) -> None:
    times = [SECONDS + index + 0.5 for index in range(200)]
    numbers = [number for time in times for number in (0, 0, 0, time)]
    import_column(tmp_path, numbers)
    assert read_column(tmp_path / "out")[3::4] == times


def test_ids_that_differ_late_in_their_last_digit_are_kept_apart(tmp_path: Path) -> None:
    """The first rows are equal, and as float64 all are."""
    numbers = [1_543_212_345_678_901_249] * 5000 + [1_543_212_345_678_901_250, 2**60]
    columns = {"a": numbers, "label": ["u", "v"] * 2501}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    import_dataset(tmp_path / "t.parquet", tmp_path / "out", test_fraction=0)
    numbers[-1] = numbers[0]
    pq.write_table(pa.table({"a": numbers, "label": ["u", "v"] * 2501}), tmp_path / "t.parquet")
    import_dataset(tmp_path / "t.parquet", tmp_path / "out", test_fraction=0, force=True)
    x = read_split(tmp_path / "out", "train")[0][:, 0]
    assert (x[-2:] - x[0]).tolist() == [1, 0]


def test_numbers_that_no_float64_is_near_to_are_reported(tmp_path: Path) -> None:
    manifest = import_column(tmp_path, [10**30 + number for number in range(40)])
    assert manifest.import_summary is not None
    (found,) = (f for f in manifest.import_summary.warnings if "become equal" in f.what)
    assert found.example == "time: of 40 different numbers in a sample 1 are left; " + (
        "its standard deviation is 11.5"
    )


@pytest.mark.parametrize(
    ("gap", "what"),
    [
        (-999, "columns with a number that is far from all others"),
        (999_999, "columns with a number that is far from all others"),
        (1e20, "columns in which different numbers become equal"),
        (300, None),
    ],
)
def test_a_number_far_from_all_others_is_reported(
    tmp_path: Path, gap: float, what: str | None
) -> None:
    manifest = import_column(tmp_path, [*range(20), gap, *range(20), gap])
    assert manifest.import_summary is not None
    examples = {f.what: f.example for f in manifest.import_summary.warnings if "time" in f.example}
    assert list(examples) == [what] * (what is not None)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1e-42 * index for index in range(40)], "'time' has a standard deviation of 1.15e-41"),
        ([3e38 * (index % 3 - 1) for index in range(40)], "'time' has a standard deviation of 2.4"),
        ([1e39, *range(39)], r"t\.csv:2: 'time' is '1e\+39', expected a finite number of at most"),
    ],
)
def test_numbers_outside_of_the_range_of_float32_are_refused(
    tmp_path: Path, numbers: list[float], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_column(tmp_path, numbers)


def test_arrays_keep_what_varies_in_each_column(tmp_path: Path) -> None:
    x = np.stack([SECONDS + np.arange(60.0), np.arange(60.0)], axis=1)
    for values in (x, x.astype(">f8"), x.astype(np.int64), x.astype(np.longdouble)):
        np.savez(tmp_path / "t.npz", x=values, y=SECONDS + np.arange(60) / 4)
        manifest = import_dataset(tmp_path / "t.npz", tmp_path / "out", test_fraction=0, force=True)
        found, y = read_split(tmp_path / "out", "train")
        np.testing.assert_array_equal(manifest.x.in_units(found), x)
        np.testing.assert_array_equal(manifest.y.in_units(y)[:, 0], SECONDS + np.arange(60) / 4)
