"""CSV files as spreadsheets and statistics programs write them: read right, or refused."""

import csv
import gzip
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distnet.data.features.form import TableForm
from distnet.data.features.rows import read_rows
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.survey.summary import Finding
from distnet.errors import DataError
from tests.data.raw_files import read_split


def import_text(
    folder: Path, text: str | bytes, name: str = "t.csv", **options: Any
) -> tuple[Manifest, list[list[float]]]:
    """Import a file; return the manifest, and the features in the units of the source."""
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    manifest = import_dataset(
        folder / name, folder / "out", test_fraction=0, options=options, force=True
    )
    features = manifest.x.in_units(read_split(folder / "out", "train")[0])
    # The same file, to predict from: the network must see what it learned from.
    how = {name: options.get(name) for name in ("delimiter", "decimal")}
    rows = read_rows(folder / name, manifest.x, **how, form=manifest.table)
    np.testing.assert_array_equal(rows, read_split(folder / "out", "train")[0])
    return manifest, features.tolist()


def guess(manifest: Manifest, what: str) -> Finding | None:
    assert manifest.import_summary is not None
    return next((found for found in manifest.import_summary.guessed if found.what == what), None)


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_decimal_commas_are_recognised(tmp_path: Path, delimiter: str) -> None:
    text = "a;b;y\n1,5;2;0,25\n-3,125;,5;1e-1\n7;+1,5e2;3,\n".replace(";", delimiter)
    manifest, features = import_text(tmp_path, text)
    assert features == [[1.5, 2], [-3.125, 0.5], [7, 150]]
    assert read_split(tmp_path / "out", "train")[1][:, 0].tolist() == pytest.approx([0.25, 0.1, 3])
    found = guess(manifest, "decimal mark")
    assert found is not None
    assert (found.value, found.option) == ("comma", "--decimal .")


def test_the_decimal_mark_may_be_set(tmp_path: Path) -> None:
    manifest, features = import_text(tmp_path, "a;y\n1,250;u\n2,500;v\n", decimal=",")
    assert features == [[1.25], [2.5]]
    assert guess(manifest, "decimal mark") is None
    assert import_text(tmp_path, '"a","y"\n"1,5","u"\n', decimal="comma")[1] == [[1.5]]
    with pytest.raises(DataError, match=r"--decimal: found '/', expected . or ,"):
        import_text(tmp_path, "a;y\n1;u\n", decimal="/")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        # 1,250 may be 1.25 or 1250.
        ("a;y\n1,250;u\n2,500;v\n", r"'a' \(such as '1,250'\); (.|\n)*decimal mark .* --decimal ,"),
        ('a,y\n"1,5",u\n"2,5",v\n', r"'a' \(such as '1,5'\); (.|\n)*decimal mark .* --decimal ,"),
        ("a;y\n1,5;u\n2;v\n1.234;u\n", r"t.csv:2: 'a' is '1,5', expected (.|\n)*--decimal ,"),
        ("a;y\n1,5;u\n2,5;v\n1.234,5;u\n", r"t.csv:4: 'a' is '1.234,5', expected a finite number"),
        ("a;y\n1,5;u\n" + "2;v\n" * 60 + "1.5;u\n", r"t.csv:63: 'a' is '1.5', but the decimal"),
    ],
)
def test_numbers_that_may_mean_two_things_are_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_text(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("a;y\n1.234,5;u\n-1.234.567;v\n0,25;u\n7;v\n", "."),
        ('a,y\n"1,234.5",u\n"-1,234,567",v\n0.25,u\n7,v\n', ","),
        ("a;y\n1'234.5;u\n-1'234'567;v\n0.25;u\n7;v\n", "'"),
        ("a;y\n1\u202f234,5;u\n-1\u202f234\u202f567;v\n0,25;u\n7;v\n", " "),
    ],
)
def test_marks_of_thousands_are_read_where_they_are_set(
    tmp_path: Path, text: str, mark: str
) -> None:
    with pytest.raises(DataError, match=re.escape(f"--thousands {mark!r}")):
        import_text(tmp_path, text, target=("y",))

    manifest, features = import_text(tmp_path, text, thousands=mark)

    assert features == [[1234.5], [-1234567], [0.25], [7]]
    assert manifest.table == TableForm(thousands=mark)


def test_a_target_with_marks_of_thousands_is_a_number(tmp_path: Path) -> None:
    text = "a;rent\n1;1.314,58\n2;653,51\n3;12.000\n"
    with pytest.raises(DataError, match=r"--thousands '.'"):
        import_text(tmp_path, text, target=("rent",))

    import_text(tmp_path, text, target=("rent",), thousands=".")

    assert read_split(tmp_path / "out", "train")[1][:, 0].tolist() == pytest.approx(
        [1314.58, 653.51, 12000]
    )


def test_groups_that_are_no_thousands_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"t.csv:3: 'a' is '1.23', but the decimal mark"):
        import_text(tmp_path, "a;y\n1.234;u\n1.23;v\n", thousands=".")
    with pytest.raises(DataError, match=r"--thousands: found 'x', expected . or , or ' or a space"):
        import_text(tmp_path, "a;y\n1;u\n", thousands="x")
    with pytest.raises(DataError, match=r"--thousands: found '.', which is the decimal mark"):
        import_text(tmp_path, "a;y\n1;u\n", thousands=".", decimal=".")


def test_lists_and_names_are_no_decimals(tmp_path: Path) -> None:
    text = "a;tags;y\n1;1,2;u\n2;1,2,3;v\n3;2,7;u\n"
    manifest, features = import_text(tmp_path, text, drop=("tags",))
    assert features == [[1], [2], [3]]
    assert guess(manifest, "decimal mark") is None
    manifest, _ = import_text(tmp_path, "a;y\n1;cat\n2;1,5\n3;cat\n")
    assert manifest.y.classes == ("1,5", "cat")


@pytest.mark.parametrize(
    ("header", "rows", "names"),
    [
        ("a, b, label", ["1, 2, u", "3, 4, v"], ("a", "b")),
        ("a,b,label,,", ["1,2,u,,", "3,4,v,,"], ("a", "b")),
        (",a,b,,label", ["0,1,2,9,u", "1,3,4,9,v"], ("a", "b")),
        ("0,1,label", ["1,2,u", "3,4,v"], ("0", "1")),
        ("2019,2020,label", ["1,2,u", "3,4,v"], ("2019", "2020")),
        ("#,b,label", ["1,2,u", "3,4,v"], ("#", "b")),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_names_of_columns(
    tmp_path: Path, header: str, rows: list[str], names: tuple[str, ...], line_end: str
) -> None:
    manifest, features = import_text(tmp_path, line_end.join(["", header, *rows, ""]))
    assert manifest.x.names == names
    assert features == [[1, 2], [3, 4]]
    assert manifest.y.classes == ("u", "v")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sep=;\na;y\n1;u\n", r"t.csv:1: found 'sep=;', which only Excel understands"),
        ("# by me\na,b,y\n1,2,u\n", r"t.csv:1: found 1 cell in the first line, '# by me', but 3"),
        ("Sales\n\na;b;y\n1;2;u\n", r"t.csv:1: found 1 cell in the first line, 'Sales', but 3"),
        ("a,b\nr1,1,u\nr2,2,v\n", r"t.csv:1: found 2 cells in the first line, 'a,b', but 3"),
        ("a,y\n1,u,\n2,v,\n", r"t.csv:1: found 2 cells in the first line, 'a,y', but 3"),
        ("5.1,3.5,rose\n4.9,3.0,rose\n", r"t.csv:1: found numbers, expected names: '5.1, 3.5, ro"),
        ("39,State,77516,a\n50,Self,83311,b\n", r"t.csv:1: found numbers, expected names"),
        ("1,2\n3,4\n", r"t.csv:1: found numbers, expected names"),
        ("a,y\n1,u\n".encode("utf-16"), r"t.csv: found UTF-16, expected UTF-8; .*CSV UTF-8"),
        ("a,y\n1,u\n".encode("utf-16-be"), r"t.csv: found bytes that are 0, as in UTF-16"),
        ("a,y\n" + "1,x;y;z\n" * 9 + "1,x,2\n", r"t.csv:11: 3 cells, expected 2 as in the header"),
        ("a,label,y\n1,u,2\n", r"found several columns that may be the target: label, y; name it"),
    ],
)
def test_other_first_lines_are_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        import_text(tmp_path, text)


def test_compressed_files_are_read(tmp_path: Path) -> None:
    note = "x\ny" * 20
    text = "a,note,y\n" + "".join(f'{n}.5,"{note}",{"uv"[n % 2]}\n' for n in range(60))
    (tmp_path / "raw").mkdir()
    for split in ("train", "test"):
        (tmp_path / "raw" / f"{split}.csv.gz").write_bytes(gzip.compress(text.encode()))
    import_dataset(tmp_path / "raw", tmp_path / "both", options={"drop": ("note",)})
    assert read_split(tmp_path / "both", "test")[0][:, 0].tolist() == [n + 0.5 for n in range(60)]
    file = gzip.compress(text.encode())
    assert len(import_text(tmp_path, file, "t.csv.gz", drop=("note",))[1]) == 60
    broken = gzip.compress((text + "oops,n,u\n").encode())
    with pytest.raises(DataError, match=r"t.csv.gz:1262: 'a' is 'oops'"):
        import_text(tmp_path, broken, "t.csv.gz", drop=("note",))
    with pytest.raises(DataError, match=r"t.csv.gz: cannot be read: "):
        import_text(tmp_path, file[:40], "t.csv.gz")


def test_booleans_are_1_and_0(tmp_path: Path) -> None:
    manifest, features = import_text(tmp_path, "a,b,y\n1,True,u\n2,False,v\n3, true ,u\n")
    assert features == [[1, 1], [2, 0], [3, 1]]
    found = guess(manifest, "columns of true and false")
    assert found is not None
    assert (found.value, found.example) == ("1 and 0", "b")
    with pytest.raises(DataError, match=r"t.csv:3: 'b' is true or false, but a number in other"):
        import_text(tmp_path, "a,b,y\n1,5,u\n2,False,v\n")


def test_one_hot_columns_are_classes(tmp_path: Path) -> None:
    text = "a,cat,dog,eel\n1,0,1,0\n2,1,0,0\n3,0,0,1\n"
    columns = ("cat", "dog", "eel")
    manifest, _ = import_text(tmp_path, text, target=columns)
    assert manifest.y.classes == columns
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0, 2]
    found = guess(manifest, "kind of target")
    assert found is not None
    assert (found.value, found.option) == ("class", "--target-kind number")
    assert import_text(tmp_path, text, target=columns, target_kind="number")[0].y.shape == (3,)
    other = text + "4,1,1,0\n"
    assert import_text(tmp_path, other, target=columns)[0].y.kind == "number"
    with pytest.raises(DataError, match="the 3 target columns are not one-hot"):
        import_text(tmp_path, other, target=columns, target_kind="class")
    with pytest.raises(DataError, match="--target names the column 'cat' twice"):
        import_text(tmp_path, text, target=("cat", "cat"))


CELLS = st.one_of(
    st.floats(-1e6, 1e6, width=32).map(repr),
    st.integers(1_700_000_000, 1_700_000_999).map(str),
    st.integers(2**62, 2**62 + 9).map(str),
    st.sampled_from(["+1", " 7", "-0", ".5", "5.", "1E-3", "1e5", "0.1", "0007"]),
)


@settings(max_examples=20)
@given(columns=st.lists(st.lists(CELLS, min_size=12, max_size=12), min_size=1, max_size=4))
def test_rows_to_predict_are_those_of_the_training(
    tmp_path_factory: pytest.TempPathFactory, columns: list[list[str]]
) -> None:
    text = io.StringIO()
    names = [f"c{index}" for index in range(len(columns))]
    rows = zip(*columns, "uv" * 6, strict=True)
    csv.writer(text).writerows([(*names, "label"), *rows])
    # import_text compares the rows.
    import_text(tmp_path_factory.mktemp("rows"), text.getvalue())
