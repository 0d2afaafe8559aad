from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.errors import DataError
from tests.data.raw_files import read_split


def import_text(folder: Path, text: str | bytes, **options: Any) -> Manifest:
    file = folder / "table.csv"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return import_dataset(file, folder / "out", test_fraction=0, options=options, force=True)


def test_classes_are_sorted_texts(tmp_path: Path) -> None:
    text = "length,width,species\n1,2.5,setosa\n3,4,iris\n 5 ,1e2,setosa\n"
    manifest = import_text(tmp_path, text, target=("species",))

    assert manifest.x.names == ("length", "width")
    assert manifest.y.classes == ("iris", "setosa")
    x, y = read_split(tmp_path / "out", "train")
    assert x.tolist() == [[1, 2.5], [3, 4], [5, 100]]
    assert y.tolist() == [1, 0, 1]


def test_few_whole_numbers_are_classes(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, "a,y\n" + "1,10\n2,9\n3,-1\n" * 3)
    assert manifest.y.classes == ("-1", "9", "10")
    assert read_split(tmp_path / "out", "train")[1][:3].tolist() == [2, 1, 0]


@pytest.mark.parametrize("values", [[0.5, 1.5] * 9, range(40), [7, 8, 9]])
def test_other_numbers_are_to_be_predicted(tmp_path: Path, values: list[float]) -> None:
    manifest = import_text(tmp_path, "a,y\n" + "".join(f"1,{value}\n" for value in values))
    assert (manifest.y.kind, manifest.y.shape, manifest.y.names) == ("number", (1,), ("y",))
    assert read_split(tmp_path / "out", "train")[1][:, 0].tolist() == list(values)


def test_target_kind_overrules_the_content(tmp_path: Path) -> None:
    text = "a,y\n" + "1,10\n2,9\n" * 3
    assert import_text(tmp_path, text, target_kind="number").y.kind == "number"
    assert import_text(tmp_path, "a,y\n1,5\n2,6\n", target_kind="class").y.classes == ("5", "6")


def test_several_targets_are_numbers(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, "a,b,c\n1,2,3\n4,5,6\n", target=("c", "a"))
    assert manifest.y.names == ("c", "a")
    assert read_split(tmp_path / "out", "train")[1].tolist() == [[3, 1], [6, 4]]


def test_named_classes_stand_for_texts_and_for_indices(tmp_path: Path) -> None:
    names = ("dog", "cat")
    import_text(tmp_path, "a,y\n1,cat\n2,dog\n", classes=names)
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0]
    manifest = import_text(tmp_path, "a,y\n1,1\n2,0\n", classes=names)
    assert manifest.y.classes == names
    assert read_split(tmp_path / "out", "train")[1].tolist() == [1, 0]


def test_none_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    assert import_text(tmp_path, "a,y\n1,none\n2,mild\n").y.classes == ("mild", "none")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_are_seen(tmp_path: Path, delimiter: str) -> None:
    manifest = import_text(tmp_path, "a,b,y\n1,2,3.5\n".replace(",", delimiter))
    assert manifest.x.names == ("a", "b")


@pytest.mark.parametrize(
    ("text", "name", "names"),
    [
        ('"width, cm";"height, cm";y\n1;2;u\n3;4;v\n', "semicolon", ("width, cm", "height, cm")),
        ('"a;b;c",d,y\n1,2,u\n3,4,v\n', "comma", ("a;b;c", "d")),
        ('"two\nlines | or ; more"|d|y\n1|2|u\n', "bar", ("two\nlines | or ; more", "d")),
        ("a, or b\tc, or d\ty\n1\t2\tu\n3\t4\tv\n", "tab", ("a, or b", "c, or d")),
    ],
)
def test_delimiters_inside_of_quotes_do_not_count(
    tmp_path: Path, text: str, name: str, names: tuple[str, ...]
) -> None:
    manifest = import_text(tmp_path, text)
    assert manifest.x.names == names
    assert manifest.import_summary is not None
    found = {finding.what: finding for finding in manifest.import_summary.guessed}["delimiter"]
    assert (found.value, found.option) == (name, "--delimiter CHARACTER")


@pytest.mark.parametrize(("option", "character"), [("^", "^"), ("tab", "\t"), (r"\t", "\t")])
def test_the_delimiter_may_be_set(tmp_path: Path, option: str, character: str) -> None:
    text = "a,b;y\n1;3\n".replace(";", character)
    assert import_text(tmp_path, text, delimiter=option).x.names == ("a,b",)


@pytest.mark.parametrize(
    ("header", "names"),
    [(",a,y", ("a",)), ("Unnamed: 0,a,y", ("a",)), ("id,a,y", ("id", "a"))],
)
def test_the_index_that_pandas_writes_is_left_out(
    tmp_path: Path, header: str, names: tuple[str, ...]
) -> None:
    manifest = import_text(tmp_path, f"{header}\n0,1.5,u\n1,2.5,v\n")
    assert manifest.x.names == names
    assert manifest.import_summary is not None
    assert len(manifest.import_summary.left_out) == (len(names) == 1)
    assert import_text(tmp_path, ",a,y\n0,1.5,u\n", drop=("",)).x.names == ("a",)
    assert import_text(tmp_path, ",a,y\n0,1.5,u\n", target=("",), drop=("y",)).y.names == ("",)


def test_mark_of_byte_order_and_windows_line_ends_are_harmless(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, b"\xef\xbb\xbfa,y\r\n1,2.5\r\n\r\n")
    assert manifest.x.names == ("a",)
    assert manifest.splits["train"].num_samples == 1


def test_train_and_test_files_are_splits(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train.csv").write_text("a,y\n1,x\n2,z\n")
    (tmp_path / "raw" / "test.csv").write_text("y,a\nz,3\n")
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")
    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 2,
        "test": 1,
    }
    x, y = read_split(tmp_path / "out", "test")
    assert (x.tolist(), y.tolist()) == ([[3]], [1])


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("", {}, "empty"),
        ("a,y\n", {}, "no rows"),
        ("1,2\n3,4\n", {}, r"table.csv:1: found numbers, expected names"),
        ("a,a,y\n1,2,3\n", {}, "two columns are called 'a'"),
        ("a,b,y\n1,2,3\n4,5\n", {}, r"table.csv:3: 2 cells, expected 3"),
        (b"a,y\n\xff,1\n", {}, "UTF-8"),
        (b"\xff,y\n1,1\n", {}, "UTF-8"),
        ("a,b\n1,2\n", {}, "--target NAME; there are: a, b"),
        ("a,b\n1,2\n", {"target": ("c",)}, "no column 'c' for --target"),
        ("apple,b\n1,2\n", {"target": ("appel",)}, "did you mean 'apple'"),
        ("a,y\n1,2\n", {"drop": ("z",)}, "no column 'z' for --drop"),
        ("a,y\n1,2\n", {"drop": ("a",)}, "no feature columns are left"),
        ("a,b,y\n1,,2\n\n3,NA,3\n", {}, r"table.csv:2: 'b' is missing in all 2 rows"),
        ("a,y\n1,2\n2,2\nx1,3\n", {}, r"table.csv:4: 'a' is 'x1', expected a finite number"),
        ("a,y\n1,2\n2,2\ninf,3\n", {}, r"table.csv:4: 'a' is 'inf'"),
        ("a,y\n1,2\n2,2\n1e99,3\n", {}, r"table.csv:4: 'a' is '1e99'"),
        (
            "a,b,c,y\nx,1,u,2\nz,2,v,3\n",
            {},
            r"'a' \(such as 'x'\), 'c' .*--drop 'a' --drop 'c'",
        ),
        ("a,y\n1,2\n2,\n", {}, r"table.csv:3: the target 'y' is missing"),
        ("a,y\n1,2.5\n2,NA\n", {}, r"table.csv:3: the target 'y' is missing"),
        ("a,y\n1,2\n2,b\n", {"target_kind": "number"}, r"table.csv:3: the target 'y' is 'b'"),
        ("a,y\n1,0\n2,2\n", {"classes": ("u", "v")}, r"table.csv:3: label 2 is out of range"),
        ("a,y\n1,0\n2,-1\n", {"classes": ("u", "v")}, r"table.csv:3: label -1 is out of range"),
        ("a,y\n1,u\n2,w\n", {"classes": ("u", "v")}, r"table.csv:3: 'w' is not one of .* u, v"),
        ("a,y\n1,u\n2,w\n", {"classes": ("u", "u")}, "'u' is empty or given twice"),
        ("a,y\n1,u\n", {"size": (2, 2)}, "--size does not apply .* --target"),
        ("a,y\n1,u\n", {"delimiter": ";;"}, "found ';;', expected one character, or tab"),
        ("a y\n1 u\n", {}, "found one column, 'a y', .* is comma; set another one with --delim"),
        ("a,y\n1,u\n", {"drop": ("y",)}, "--drop names the target column 'y'"),
        ('a,y\n1,u\n2,"v\n3,u\n', {}, r"table.csv:3: .* a quote \(\"\) that is not closed"),
        ('a,y\n1,"u', {}, r"table.csv:2: .* a quote \(\"\) that is not closed"),
        ('a,b,y\n1,"p,u\n2,"q,u\n', {}, r"table.csv:2: .* closed in a later line inside"),
        ('a,b,y\n1,"x\n\n\n",u\n2,3\n', {}, r"table.csv:6: 2 cells, expected 3"),
        ('a,b,y\n1,"2\n",u\n2,x,u\n', {}, r"table.csv:4: 'b' is 'x'"),
        ('a,b,y\n1,"5"" pipe\n",u\n\n2,3,\n', {"drop": ("b",)}, r"table.csv:5: .* missing"),
    ],
)
def test_import_says_what_is_wrong_and_where(
    tmp_path: Path, text: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=f"(?i){message}"):
        import_text(tmp_path, text, **options)
    assert [path.name for path in tmp_path.iterdir()] == ["table.csv"]


def test_locations_are_right_far_into_a_large_file(tmp_path: Path) -> None:
    lines = ["a,y"] + [f"{number}.125,{number % 2}" for number in range(400_000)]
    lines[300_000] = "oops,1"
    with pytest.raises(DataError, match=r"table.csv:300001: 'a' is 'oops'"):
        import_text(tmp_path, "\n".join(lines) + "\n")
    lines[300_000] = "1"
    with pytest.raises(DataError, match=r"table.csv:300001: 1 cell, expected 2"):
        import_text(tmp_path, "\n".join(lines) + "\n")


def test_line_that_is_not_utf8_is_named_far_into_a_file(tmp_path: Path) -> None:
    rows = b"".join(b"%d,u\n" % number for number in range(60_000))
    with pytest.raises(DataError, match=r"table.csv:60002: not UTF-8"):
        import_text(tmp_path, b"a,y\n" + rows + b"1,\xff\n")


def test_rows_of_several_lines_may_cross_the_blocks_in_which_a_file_is_read(tmp_path: Path) -> None:
    note = "x\n9.9,y\n" * 200
    rows = [f'{number},"{note}",{"uv"[number % 2]}\n' for number in range(3000)]
    import_text(tmp_path, "a,note,y\n" + "".join(rows), drop=("note",))
    x, y = read_split(tmp_path / "out", "train")
    assert x[:, 0].tolist() == list(range(3000))
    assert y.tolist() == [0, 1] * 1500
    with pytest.raises(DataError, match=rf"table.csv:{2 + 3000 * 401}: 'a' is 'oops'"):
        import_text(tmp_path, "a,note,y\n" + "".join(rows) + "oops,n,u\n", drop=("note",))


@pytest.mark.parametrize("long", [0, 1])
def test_a_row_may_be_longer_than_a_block(tmp_path: Path, long: int) -> None:
    rows = [f'{number},"{"x" * (number == long) * 5 * 2**20}",u\n' for number in range(3)]
    import_text(tmp_path, "a,note,y\n" + "".join(rows), drop=("note",))
    assert read_split(tmp_path / "out", "train")[0][:, 0].tolist() == [0, 1, 2]


numbers = st.integers(-(2**24), 2**24).map(lambda number: number / 1024)


@settings(max_examples=30)
@given(rows=st.lists(st.tuples(numbers, numbers, st.sampled_from("abc")), min_size=1, max_size=30))
def test_import_then_read_gives_the_same_rows(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, float, str]]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    text = "u,v,y\n" + "".join(f"{u!r},{v!r},{y}\n" for u, v, y in rows)
    manifest = import_text(folder, text)
    x, y = read_split(folder / "out", "train")
    np.testing.assert_array_equal(x, np.array([row[:2] for row in rows], np.float32))
    assert [manifest.y.classes[label] for label in y] == [row[2] for row in rows]


def test_a_list_of_pictures_needs_its_pictures(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na/1.JPG,cat\na/2.JPG,dog\n")
    with pytest.raises(DataError, match=r"'a/1.JPG', but no such file .*: --images FOLDER"):
        import_dataset(tmp_path / "labels.csv", tmp_path / "out")
