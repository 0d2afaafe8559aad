"""Tables with a column of texts and one of classes."""

import gzip
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError

ROWS = [
    "a truly fine film\t1",
    "what a dull mess\t0",
    "a fine , fine cast\t1",
    "dull from end to end\t0",
]
PLAIN = "\n".join(ROWS * 2) + "\n"
NAMED = "id\tReview\tlabel\n" + "".join(f"{i}\t{row}\n" for i, row in enumerate(ROWS * 2))


def import_text(folder: Path, content: str | bytes, **options: Any) -> Manifest:
    file = folder / "t.tsv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_dataset(
        file,
        folder / "out",
        kind=options.pop("kind", None),
        test_fraction=0,
        options=options,
        force=True,
    )


def texts(folder: Path, manifest: Manifest, split: str = "train") -> list[str]:
    x = ShardReader(folder / "out", manifest, split, ["x"]).read_group(0)["x"]
    field = manifest.x
    assert isinstance(field, TokensField)
    return [field.decode(x[index]) for index in range(len(x))]


def labels(folder: Path, manifest: Manifest, split: str = "train") -> list[int]:
    y = ShardReader(folder / "out", manifest, split, ["y"]).read_group(0)["y"]
    return [int(y[index]) for index in range(len(y))]


def guesses(manifest: Manifest) -> dict[str, str]:
    assert manifest.import_summary is not None
    return {finding.what: finding.value for finding in manifest.import_summary.guessed}


def test_a_file_of_texts_without_a_header(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, PLAIN)

    found = guesses(manifest)
    assert (found["kind of source"], found["names of columns"]) == ("text-table", "1, 2, ...")
    assert (manifest.x.kind, manifest.y.classes) == ("tokens", ("0", "1"))
    assert texts(tmp_path, manifest)[:2] == ["a truly fine film", "what a dull mess"]
    assert labels(tmp_path, manifest) == [1, 0, 1, 0] * 2


def test_text_and_target_are_found_by_name_and_content(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, NAMED, text="Review", classes=("bad", "good"))

    assert manifest.y.classes == ("bad", "good")
    assert len(labels(tmp_path, manifest)) == 8
    assert manifest.import_summary is not None
    assert "'id'" in [finding.example for finding in manifest.import_summary.left_out]
    assert (
        import_dataset(
            tmp_path / "t.tsv", tmp_path / "out", kind="text-table", test_fraction=0, force=True
        ).sha256
        != manifest.sha256
    )  # the classes are called 0 and 1


def test_a_file_of_numbers_to_predict_without_a_header(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, "a fine film\t4.5\na dull film\t1.25\na good film\t3.5\n")

    assert (manifest.y.kind, manifest.splits["train"].num_samples) == ("number", 3)


def test_one_option_says_that_a_table_holds_texts(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"'Review' .*as text, import with: --text 'Review'"):
        import_text(tmp_path, NAMED)
    assert import_text(tmp_path, NAMED, text="Review").source == "text-table: t.tsv"


def test_the_vocabulary_is_that_of_the_training_split(tmp_path: Path) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    (folder / "train.tsv").write_text(PLAIN)
    (folder / "dev.tsv").write_text("novel novel novel film\t1\n")
    with gzip.open(folder / "test.tsv.gz", "wt") as file:
        file.write("a dull novel indeed\t0\n")

    manifest = import_dataset(folder, tmp_path / "out")

    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 8,
        "dev": 1,
        "test": 1,
    }
    assert texts(tmp_path, manifest, "dev") == ["<unk> <unk> <unk> film"]
    assert texts(tmp_path, manifest, "test") == ["a dull <unk> <unk>"]


def test_parquet_with_numbers_to_predict(tmp_path: Path) -> None:
    file = tmp_path / "t.parquet"
    stars = [4.5, 1.25, 5.0, 0.5] * 2
    table = {"text": [row.split("\t")[0] for row in ROWS * 2], "stars": stars}
    pq.write_table(pa.table(table), file)

    options = {"text": "text", "target": ("stars",), "tokenizer": "characters"}
    manifest = import_dataset(file, tmp_path / "out", test_fraction=0, options=options)

    assert (manifest.y.kind, manifest.x.num_values) == ("number", {"train": 142})


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        (
            PLAIN + "  \t1\n",
            {},
            r"t\.tsv:9: the text '1' is empty; .*\nor leave.*--skip-unreadable",
        ),
        (PLAIN + "no label at all\t\n", {}, r"t\.tsv:9: the target '2' is missing"),
        (PLAIN + "one cell alone\n", {}, r"t\.tsv:9: 1 cell, expected 2 as in the first row"),
        (PLAIN.encode() + b"caf\xe9 au lait\t1\n", {}, r"t\.tsv:9: not UTF-8"),
        (PLAIN, {"text": "review"}, r"no column 'review' for --text; there are: 1, 2"),
        (NAMED, {"text": "Revue"}, r"no column 'Revue' for --text; .*did you mean 'Review'"),
        (NAMED, {"text": "Review", "target": ("id", "label")}, r"--target names 2 columns"),
        (PLAIN + "so so , la la\t2\n", {"classes": ("bad", "good")}, r"t\.tsv:9: label 2 is out"),
        (PLAIN + "so so , la la\tmeh\n", {"classes": ("0", "1")}, r"t\.tsv:9: 'meh' is not one"),
        ("", {"kind": "text-table"}, r"t\.tsv: the file is empty, expected a table"),
        ("text\tlabel\n", {"kind": "text-table"}, r"t\.tsv: no rows; expected one for each text"),
        (PLAIN, {"vocabulary": 1}, r"--vocabulary: found 1, expected at least 2"),
    ],
)
def test_faults_are_named_with_their_row(
    tmp_path: Path, content: str | bytes, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_text(tmp_path, content, **options)


def test_rows_without_a_text_can_be_left_out(tmp_path: Path) -> None:
    manifest = import_text(tmp_path, "\t1\n" + PLAIN + " \t1\n", header="no", skip_unreadable=True)

    assert labels(tmp_path, manifest) == [1, 0, 1, 0] * 2
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.count, left_out.example) == ("rows", 2, "t.tsv:1")
