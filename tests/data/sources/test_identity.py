"""What comes out of an imported dataset is what went in, whatever it was, for every kind of table.

Labels stay apart, and stay the same, to the last digit. A number is rounded to float32 relative to
the origin of its column: by 2^-24 of its distance from the origin, and on the whole by less than
2^-17 of the column's standard deviation.
"""

import csv
import datetime
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from distnet.data.features.rows import read_rows
from distnet.data.fields.field import Field
from distnet.data.importing import import_dataset
from distnet.data.manifest import read_manifest
from distnet.data.shards import ShardReader
from tests.data.raw_files import read_split, write_idx

ROUNDING = Fraction(1, 2**24) * Fraction(1_000_001, 1_000_000)
SMALLEST = Fraction(1, 2**149)
LOST = 2.0**-17
FEW = settings(max_examples=12)

TEXTS = (
    "5", "+5", " 5", "5.0", "05", "-0", "0", "1e3", "1000", "0123", "123", "true", "x",
    "1543212345678901248", "1543212345678901249", "18446744073709551615", "18446744073709551614",
    "0.1", "0.10", "1/2", "a,b", 'say "x"', "two\nlines", "²", "٣", "3", "Zürich", "2024-01-31",
)  # fmt: skip
IDS = st.integers(2**60, 2**60 + 5)
LABELS = st.one_of(st.sampled_from(TEXTS), IDS.map(str))

RANGES = {
    "seconds since 1970": st.integers(1_700_000_000, 1_700_000_600),
    "nanoseconds since 1970": st.integers(1_700_000_000 * 10**9, 1_700_000_000 * 10**9 + 10**6),
    "ids": st.integers(2**62, 2**62 + 40),
    "any whole numbers": st.integers(-(2**63), 2**63 - 1),
    "small numbers": st.integers(-99, 99),
    "coordinates": st.floats(52.5, 52.6),
    "any floats": st.floats(-1e30, 1e30, allow_subnormal=False),
}
COLUMNS = st.sampled_from(sorted(RANGES)).flatmap(lambda name: st.lists(RANGES[name], min_size=40))


def distance(stored: np.float32, origin: float, number: Any) -> Fraction:
    return abs(Fraction(float(stored)) + Fraction(origin) - Fraction(number))


def check_numbers(field: Field, stored: NDArray[np.float32], numbers: Sequence[Any]) -> None:
    """Whether one column of numbers was kept within the bounds."""
    assert len(stored) == len(numbers)
    origin = float(field.origins.reshape(-1)[0])
    errors = [distance(s, origin, v) for s, v in zip(stored, numbers, strict=True)]
    for error, number in zip(errors, numbers, strict=True):
        assert error <= ROUNDING * abs(Fraction(number) - Fraction(origin)) + SMALLEST
    mean = sum(map(Fraction, numbers)) / len(numbers)
    spread = float(sum((Fraction(number) - mean) ** 2 for number in numbers) / len(numbers)) ** 0.5
    if spread:
        assert float(sum(error**2 for error in errors) / len(errors)) ** 0.5 <= 1.01 * LOST * spread


def check_labels(found: Sequence[str], labels: Sequence[str]) -> None:
    """Whether two labels are one class just if they are one label, and the names say which."""
    assert len(found) == len(labels)
    assert len(set(found)) == len(set(labels)) == len(set(zip(found, labels, strict=True)))
    assert all(
        name == label.strip() or name == label for name, label in zip(found, labels, strict=True)
    )


def classes_of(dataset: Path) -> list[str]:
    y = read_manifest(dataset).y
    return [y.classes[index] for index in read_split(dataset, "train")[1]]


def imported(file: Path, **options: Any) -> Path:
    out = file.parent / "out"
    import_dataset(file, out, test_fraction=0, force=True, options=options)
    return out


def write_csv(file: Path, header: Sequence[str], rows: Sequence[Sequence[Any]], **how: Any) -> Path:
    with file.open("w", newline="", encoding="utf-8") as opened:
        csv.writer(opened, **how).writerows([header, *rows])
    return file


@FEW
@given(
    labels=st.lists(LABELS, min_size=1, max_size=30),
    delimiter=st.sampled_from(",;\t|"),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_csv_keeps_labels_apart(
    tmp_path_factory: pytest.TempPathFactory, labels: list[str], delimiter: str, line_end: str
) -> None:
    rows = [(index, label) for index, label in enumerate(labels)]
    folder = tmp_path_factory.mktemp("csv")
    how = {"delimiter": delimiter, "lineterminator": line_end}
    file = write_csv(folder / "t.csv", ("a", "label"), rows, **how)
    check_labels(classes_of(imported(file, target_kind="class")), labels)


@FEW
@given(numbers=COLUMNS, as_target=st.booleans())
def test_csv_keeps_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[Any], as_target: bool
) -> None:
    assume(len(set(map(float, numbers))) == 1 or np.std(list(map(float, numbers))) > 1e-37)
    folder = tmp_path_factory.mktemp("csv")
    rows = [(number, number) for number in numbers]
    file = write_csv(folder / "t.csv", ("a", "y"), rows)
    out = imported(file, target_kind="number")
    field = read_manifest(out).y if as_target else read_manifest(out).x
    check_numbers(field, read_split(out, "train")[as_target][:, 0], numbers)


KINDS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "int64": (pa.int64(), IDS),
    "uint64": (pa.uint64(), st.integers(2**64 - 5, 2**64 - 1)),
    "float64": (pa.float64(), st.sampled_from([0.0, 1.0, 2.0, 0.5, 2.0**60, 2.0**60 + 256])),
    "decimal": (pa.decimal128(25, 2), IDS.map(lambda number: Decimal(number) / 4)),
    "bool": (pa.bool_(), st.booleans()),
    "string": (pa.string(), LABELS),
    "large_string": (pa.large_string(), LABELS),
    "dictionary": (pa.dictionary(pa.int8(), pa.string()), LABELS),
    "bytes": (pa.binary(), LABELS.map(str.encode)),
    "date": (pa.date32(), st.dates(datetime.date(2024, 1, 1), datetime.date(2024, 1, 4))),
    "time": (pa.timestamp("us"), st.datetimes(datetime.datetime(2024, 1, 1))),
}


@pytest.mark.parametrize("kind", KINDS)
def test_parquet_keeps_labels_apart(tmp_path: Path, kind: str) -> None:
    arrow, values = KINDS[kind]

    @settings(max_examples=4)
    @given(labels=st.lists(values, min_size=1, max_size=20))
    def check(labels: list[Any]) -> None:
        table = pa.table({"a": range(len(labels)), "label": pa.array(labels, arrow)})
        pq.write_table(table, tmp_path / "t.parquet")
        found = classes_of(imported(tmp_path / "t.parquet", target_kind="class"))
        assert len(set(zip(found, labels, strict=True))) == len(set(found)) == len(set(labels))
        if kind in ("int64", "uint64", "string", "dictionary"):
            check_labels(found, list(map(str, labels)))

    check()


@FEW
@given(numbers=COLUMNS)
def test_parquet_keeps_numbers(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[Any]
) -> None:
    assume(len(set(map(float, numbers))) == 1 or np.std(list(map(float, numbers))) > 1e-37)
    folder = tmp_path_factory.mktemp("parquet")
    kind = pa.float64() if isinstance(numbers[0], float) else pa.int64()
    columns = {"a": pa.array(numbers, kind), "y": pa.array(numbers, kind)}
    pq.write_table(pa.table(columns), folder / "t.parquet", row_group_size=16)
    out = imported(folder / "t.parquet", target_kind="number")
    x, y = read_split(out, "train")
    check_numbers(read_manifest(out).x, x[:, 0], numbers)
    check_numbers(read_manifest(out).y, y[:, 0], numbers)


NUMBERS: dict[str, pa.Array] = {
    "bool": pa.array([True, False] * 20),
    "uint64": pa.array([2**64 - 1 - n % 7 for n in range(40)], pa.uint64()),
    "int8": pa.array([n - 20 for n in range(40)], pa.int8()),
    "half": pa.array(np.linspace(-2, 2, 40).astype(np.float16)),
    "float": pa.array(np.linspace(52.5, 52.6, 40).astype(np.float32)),
    "decimal128": pa.array([Decimal(n) / 100 for n in range(40)], pa.decimal128(9, 2)),
    "decimal256": pa.array([Decimal(2**70 + n) for n in range(40)], pa.decimal256(50, 3)),
    "dictionary": pa.array([2**60 + n % 3 for n in range(40)]).dictionary_encode(),
    "string": pa.array([str(2**63 + n) for n in range(40)]),
    "string_view": pa.array([f"{n}.25" for n in range(40)], pa.string_view()),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_parquet_keeps_numbers_of_any_type(tmp_path: Path, kind: str) -> None:
    column = NUMBERS[kind]
    labels = ["u", "v"] * 20
    pq.write_table(pa.table({"a": column, "label": labels}), tmp_path / "t.parquet")
    out = imported(tmp_path / "t.parquet", target=("label",))
    x, _ = read_split(out, "train")
    check_numbers(read_manifest(out).x, x[:, 0], list(map(Fraction, column.to_pylist())))
    np.testing.assert_array_equal(read_rows(tmp_path / "t.parquet", read_manifest(out).x), x)


@FEW
@given(numbers=COLUMNS)
def test_npz_keeps_numbers(tmp_path_factory: pytest.TempPathFactory, numbers: list[Any]) -> None:
    assume(len(set(map(float, numbers))) == 1 or np.std(list(map(float, numbers))) > 1e-37)
    folder = tmp_path_factory.mktemp("npz")
    kind = np.float64 if isinstance(numbers[0], float) else np.int64
    column = np.array(numbers, kind)
    np.savez(folder / "t.npz", x=column[:, None], y=column)
    out = imported(folder / "t.npz", target_kind="number")
    x, y = read_split(out, "train")
    check_numbers(read_manifest(out).x, x[:, 0], numbers)
    check_numbers(read_manifest(out).y, y[:, 0], numbers)


@FEW
@given(
    labels=st.one_of(
        st.lists(st.integers(0, 9), min_size=2, max_size=20),
        st.lists(st.integers(2**63, 2**63 + 3), min_size=2, max_size=20),
        st.lists(st.sampled_from(["b", "a", "10", "9", "٣"]), min_size=2, max_size=20),
    ),
    is_one_hot=st.booleans(),
)
def test_npz_keeps_labels_apart(
    tmp_path_factory: pytest.TempPathFactory, labels: list[Any], is_one_hot: bool
) -> None:
    y: NDArray[Any] = np.array(labels)
    if isinstance(labels[0], int) and max(labels) < 10 and is_one_hot:
        y = np.eye(10)[labels]
    elif isinstance(labels[0], int):
        y = y.astype(np.uint64)
    folder = tmp_path_factory.mktemp("npz")
    np.savez(folder / "t.npz", x=np.zeros((len(y), 2)), y=y)
    check_labels(classes_of(imported(folder / "t.npz")), list(map(str, labels)))


@settings(max_examples=10)
@given(data=st.data())
def test_idx_keeps_every_byte(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    labels = data.draw(st.lists(st.integers(0, 255), min_size=1, max_size=9))
    random = np.random.default_rng(len(labels))
    images = random.integers(0, 256, (len(labels), 3, 2), dtype=np.uint8)
    folder = tmp_path_factory.mktemp("idx")
    write_idx(folder / "raw", {"train": (images, np.array(labels, np.uint8))}, zipped=False)
    import_dataset(folder / "raw", folder / "out", test_fraction=0)
    x, _ = read_split(folder / "out", "train")
    np.testing.assert_array_equal(x[:, 0], images)
    check_labels(classes_of(folder / "out"), list(map(str, labels)))


@FEW
@given(
    text=st.text(
        st.one_of(
            st.characters(codec="utf-8", exclude_characters="\0"),
            st.sampled_from("\n\r\x0b\x0c\x1c\u2028"),
        ),
        min_size=1,
    )
)
def test_text_keeps_every_character(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    assume(not text.startswith("\ufeff"))
    folder = tmp_path_factory.mktemp("text")
    (folder / "t.txt").write_bytes(text.encode())
    import_dataset(folder / "t.txt", folder / "out", test_fraction=0)
    manifest = read_manifest(folder / "out")
    tokens = ShardReader(folder / "out", manifest, "train").read_all()["tokens"]
    vocabulary = manifest.fields["tokens"].vocabulary
    assert "".join(vocabulary[index] for index in tokens.values) == text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")
    assert len(tokens) == len(lines)
