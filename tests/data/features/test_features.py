"""Columns of a table that are not plain numbers, at the import and when rows are predicted."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from distnet.data.features.rows import read_rows
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.errors import DataError, DataWarning
from tests.data.raw_files import read_split


def import_rows(
    folder: Path, *rows: str, test_fraction: float = 0, **options: Any
) -> tuple[Manifest, NDArray[Any]]:
    (folder / "t.csv").write_text("".join(f"{row}\n" for row in rows))
    return imported(folder, folder / "t.csv", test_fraction, **options)


def import_columns(
    folder: Path, columns: dict[str, Any], **options: Any
) -> tuple[Manifest, NDArray[Any]]:
    pq.write_table(pa.table(columns), folder / "t.parquet")
    return imported(folder, folder / "t.parquet", 0, **options)


def imported(
    folder: Path, source: Path, test_fraction: float, **options: Any
) -> tuple[Manifest, NDArray[Any]]:
    out = folder / "out"
    manifest = import_dataset(source, out, test_fraction=test_fraction, force=True, options=options)
    return read_manifest(out), read_split(out, next(iter(manifest.splits)))[0]


def predicted(file: Path, manifest: Manifest) -> NDArray[np.float32]:
    return read_rows(file, manifest.x, form=manifest.table)


def findings(manifest: Manifest, section: str = "guessed") -> dict[str, tuple[str, str]]:
    assert manifest.import_summary is not None
    rows = getattr(manifest.import_summary, section)
    return {row.what: (row.value, row.example) for row in rows}


def test_few_texts_are_categories_and_empty_cells_one_of_their_own(tmp_path: Path) -> None:
    rows = ["red,1,0.5", "blue ,2,0.5", ",3,0.5", "red,4,1.5", "blue,5,2", ",6,2"]

    manifest, x = import_rows(tmp_path, "colour,n,y", *rows)

    assert manifest.x.names == ("colour=blue", "colour=red", "colour is missing", "n")
    assert x[:3].tolist() == [[0, 1, 0, 1], [1, 0, 0, 2], [0, 0, 1, 3]]
    assert (manifest.x.mean[:3], manifest.x.std[:3]) == ((0, 0, 0), (1, 1, 1))
    assert manifest.x.mean[3] == 3.5
    said = findings(manifest)
    assert said["columns of text with few different ones"][1] == "'colour': blue, red, (missing)"
    assert said["columns with missing cells"] == (
        "a category of their own",
        "t.csv:4 'colour': first of 2 in 6 rows",
    )
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()


def test_a_category_that_was_not_learned_is_named_with_its_row(tmp_path: Path) -> None:
    manifest, _ = import_rows(tmp_path, "colour,n,y", *["red,1,0.5", "blue,2,1.5"] * 3)
    new = tmp_path / "new.csv"
    new.write_text("n,colour\n1,red\n2,violet\n3,\n4,violet\n")

    with pytest.warns(DataWarning) as warned:
        rows = predicted(new, manifest)

    assert rows.tolist() == [[0, 1, 1], [0, 0, 2], [0, 0, 3], [0, 0, 4]]
    [message] = [str(each.message) for each in warned]
    assert "new.csv:3 colour: found 'violet', which the network did not learn" in message
    assert "it learned blue, red" in message
    assert "new.csv:4 colour: found 'a missing value'" in message
    assert "3 cells are taken as none of the categories" in message


def test_text_that_differs_in_most_rows_is_no_category_unless_it_is_said(tmp_path: Path) -> None:
    rows = ["name,n,y", "ann,1,2", "bob,2,3", "cid,3,4"]
    with pytest.raises(DataError, match=r"'name' \(such as 'ann'\).*--category 'name'"):
        import_rows(tmp_path, *rows)

    manifest, _ = import_rows(tmp_path, *rows, category=("name",))
    assert manifest.x.names == ("name=ann", "name=bob", "name=cid", "n")
    codes, x = import_rows(tmp_path, "zip,y", *["01,1.5", "7,2.5"] * 2, category=("zip",))
    assert (codes.x.names, x[0].tolist()) == (("zip=01", "zip=7"), [1, 0])


def test_of_several_texts_the_one_with_most_words_is_named_as_the_text(tmp_path: Path) -> None:
    rows = ["id,said,y", "r1,a fine film,1", "r2,too long a film,0", "r3,not bad at all,1"]
    with pytest.raises(DataError, match=r"import with: --text 'said'$"):
        import_rows(tmp_path, *rows)


def test_dates_in_another_form_are_an_error_that_says_which_is_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'12/31/2024'.*\n?.*read in the form 2024-01-31 or 31.01"):
        import_rows(tmp_path, "n,when", "1.5,12/31/2024", "2.5,1/1/2024", target=("n",))


def test_true_false_and_a_third_word_are_categories(tmp_path: Path) -> None:
    rows = ["true,1", "False,2", "unknown,3.5"] * 2
    manifest, _ = import_rows(tmp_path, "a,y", *rows)
    assert manifest.x.names == ("a=False", "a=true", "a=unknown")


def test_missing_numbers_are_the_mean_of_the_training_split(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "train.csv").write_text("a,b,y\n1,0,1.5\n,0,2\n4,1,3\n")
    (raw / "test.csv").write_text("a,b,y\n100,0,1.5\n,1,2\n")

    manifest = import_dataset(raw, tmp_path / "out")

    assert read_split(tmp_path / "out", "train")[0][:, 0].tolist() == [1, 2.5, 4]
    assert read_split(tmp_path / "out", "test")[0][:, 0].tolist() == [100, 2.5]
    assert findings(manifest)["columns with missing cells"][0] == "the mean of the training part"
    assert predicted(raw / "test.csv", manifest)[:, 0].tolist() == [100, 2.5]


def test_a_part_that_is_set_aside_has_no_share_in_the_mean(tmp_path: Path) -> None:
    rows = [f"{'' if n % 4 == 0 else n * n},{n},{n / 2}" for n in range(60)]

    manifest, x = import_rows(tmp_path, "a,n,y", *rows, test_fraction=0.3)

    known = [n * n for n in x[:, 1] if n % 4]
    filled = {a for a, n, *_ in x.tolist() if n % 4 == 0}
    assert filled == {np.float32(np.mean(known))}
    test = read_split(tmp_path / "out", "test")[0]
    assert {a for a, n, *_ in test.tolist() if n % 4 == 0} == filled
    again = predicted(tmp_path / "t.csv", manifest)
    assert sorted(again.tolist()) == sorted([*x.tolist(), *test.tolist()])


def test_a_column_far_from_0_is_filled_relative_to_its_origin(tmp_path: Path) -> None:
    seconds = [1_700_000_000 + n for n in range(9)]
    rows = [f"{'' if n == 4 else second},{n / 2}" for n, second in enumerate(seconds)]

    manifest, x = import_rows(tmp_path, "at,y", *rows)

    assert manifest.x.origin[0] > 1.6e9
    assert float(x[4, 0]) + manifest.x.origin[0] == seconds[4]
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()


def test_words_may_be_said_to_stand_for_missing_values(tmp_path: Path) -> None:
    rows = ["1,red,1.5", "-999,unknown,2.5", "3,red,0.5", "2,unknown,0.5"]

    manifest, x = import_rows(tmp_path, "a,b,y", *rows, missing=("-999", "unknown"))

    assert manifest.x.names == ("a", "b=red", "b is missing")
    assert x.tolist() == [[1, 1, 0], [2, 0, 1], [3, 1, 0], [2, 0, 1]]
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()
    columns = {"a": [1, -999, 3, 2], "y": [1.5, 2.5, 0.5, 0.5]}
    assert import_columns(tmp_path, columns, missing=("-999.0",))[1].tolist() == [
        [1],
        [2],
        [3],
        [2],
    ]


def test_a_missing_cell_where_none_was_learned_is_an_error(tmp_path: Path) -> None:
    manifest, _ = import_rows(tmp_path, "a,y", "1,1.5", "2,0.5")
    (tmp_path / "new.csv").write_text("a\n1\n\nNA\n")
    with pytest.raises(DataError, match=r"new.csv:4 a: found 'NA', expected a finite number"):
        predicted(tmp_path / "new.csv", manifest)


def test_dates_are_days_since_1970(tmp_path: Path) -> None:
    rows = ["1970-01-02,1.5", "2000-03-01,2.5", "2024-01-31T12:00:00,0.5", "NaT,3"]

    manifest, x = import_rows(tmp_path, "day,y", *rows)

    days = x[:, 0] + np.float32(manifest.x.origins[0])
    assert days.tolist() == [1, 11017, 19753.5, pytest.approx((1 + 11017 + 19753.5) / 3)]
    assert findings(manifest)["columns of dates"] == ("days since 1970-01-01", "'day'")
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()
    (tmp_path / "new.csv").write_text("day\n1/31/2024\n")
    with pytest.raises(DataError, match=r"new.csv:2 day: found '1/31/2024', expected a date such"):
        predicted(tmp_path / "new.csv", manifest)


def test_of_dates_with_points_the_day_comes_first(tmp_path: Path) -> None:
    rows = ["02.01.1970;1,5", "1.3.2000;2,5", "31.01.2024 12:00;0,5", ";3"]

    manifest, x = import_rows(tmp_path, "day;y", *rows)

    days = x[:, 0] + np.float32(manifest.x.origins[0])
    assert days[:3].tolist() == [1, 11017, 19753.5]
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()
    (tmp_path / "new.csv").write_text("day\n30.02.2024\n")
    with pytest.raises(DataError, match=r"new.csv:2 day: found '30.02.2024', expected a date such"):
        predicted(tmp_path / "new.csv", manifest)


@pytest.mark.parametrize("kind", [pa.date32(), pa.timestamp("ns"), pa.timestamp("s", "UTC")])
def test_dates_of_typed_files_are_the_same_numbers(tmp_path: Path, kind: pa.DataType) -> None:
    moments = [dt.datetime(1970, 1, 2), dt.datetime(2000, 3, 1)]
    column = pa.array(moments, pa.timestamp("us")).cast(kind)

    manifest, x = import_columns(tmp_path, {"day": column, "y": [1.5, 0.5]})

    assert (x[:, 0] + np.float32(manifest.x.origins[0])).tolist() == [1, 11017]


def test_lists_of_numbers_are_features(tmp_path: Path) -> None:
    columns = {"n": [7, 8, 9], "e": [[1.0, 2.0], None, [3.0, 6.0]], "y": [0.5, 1.5, 2.5]}

    manifest, x = import_columns(tmp_path, columns)

    assert manifest.x.names == ("n", "e[0]", "e[1]")
    assert x.tolist() == [[7, 1, 2], [8, 2, 4], [9, 3, 6]]
    assert predicted(tmp_path / "t.parquet", manifest).tolist() == x.tolist()
    pq.write_table(pa.table({"n": [1], "e": [[1.0]]}), tmp_path / "new.parquet")
    with pytest.raises(DataError, match=r"'e' has lists of 1 numbers, expected 2"):
        predicted(tmp_path / "new.parquet", manifest)
    fixed = pa.array([[1, 2], [3, 4]], pa.list_(pa.int32(), 2))
    assert import_columns(tmp_path, {"e": fixed, "y": [0.5, 1.5]})[1].tolist() == [[1, 2], [3, 4]]
    with pytest.raises(DataError, match=r"'e' has lists of unlike length: 1, 2"):
        import_columns(tmp_path, {"e": [[1.0], [1.0, 2.0]], "y": [0.5, 1.5]})


def test_a_table_without_a_header(tmp_path: Path) -> None:
    rows = ["1,red,1.5", "2,blue,2.5"] * 2
    with pytest.raises(DataError, match="or say --no-header"):
        import_rows(tmp_path, "1,2,1.5", "2,3,2.5")

    manifest, x = import_rows(tmp_path, *rows, header="no", target=("3",))

    assert manifest.x.names == ("1", "2=blue", "2=red")
    assert x[:2].tolist() == [[1, 0, 1], [2, 1, 0]]
    assert predicted(tmp_path / "t.csv", manifest).tolist() == x.tolist()


def test_another_table_is_read_like_the_one_that_was_learned(tmp_path: Path) -> None:
    import_rows(tmp_path, "a,b,y", "1,red,1.5", ",blue,2", "3,red,3", "5,blue,4")
    (tmp_path / "more.csv").write_text("b,a,y\nblue,,1.5\ngreen,9,2\nblue,1,7\n")

    manifest = import_dataset(
        tmp_path / "more.csv", tmp_path / "more", like=tmp_path / "out", test_fraction=1
    )

    x, _ = read_split(tmp_path / "more", "test")
    learned = read_manifest(tmp_path / "out").x
    at = [manifest.x.names.index(name) for name in learned.names]
    assert x[:, at].tolist() == [[3, 1, 0], [9, 0, 0], [1, 1, 0]]
    assert manifest.x.unlike(learned) is None
    new = findings(manifest, "warnings")["categories that the training does not have"]
    assert new == ("", "'b': 'green'")
    assert import_rows(tmp_path, "a,b,y", *["1,red,1.5", "1,pink,2.5"] * 2)[0].x.unlike(learned)


def test_a_plain_table_is_stored_as_ever(tmp_path: Path) -> None:
    manifest, _ = import_rows(tmp_path, "a,b,y", "1,true,1.5", "2,false,0.5")
    assert manifest.table is None
    assert "columns" not in manifest.as_written()["fields"]["x"]
