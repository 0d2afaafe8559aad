"""Parallel text: files that are translations of one another, line by line."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.data.survey.summary import Finding
from distnet.errors import DataError

GERMAN = "Ein Hund läuft.\nZwei Männer lachen!\n"
ENGLISH = "A dog runs.\nTwo men are laughing!\n"
LANGUAGES = {"source_lang": "de", "target_lang": "en"}
TRAIN = {"train.de": GERMAN, "train.en": ENGLISH}


def import_pairs(
    folder: Path, files: Mapping[str, str | bytes], *, kind: str | None = None, **options: Any
) -> Manifest:
    raw = folder / "raw"
    raw.mkdir(exist_ok=True)
    for name, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (raw / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    options = {"tokenizer": "characters"} | LANGUAGES | options
    return import_dataset(raw, folder / "out", kind=kind, test_fraction=0, options=options)


def pairs(folder: Path, manifest: Manifest, split: str = "train") -> list[tuple[str, ...]]:
    columns = ShardReader(folder / "out", manifest, split).read_group(0)
    return [
        tuple(text(manifest, name, columns[name][i]) for name in ("x", "y"))
        for i in range(len(columns["x"]))
    ]


def text(manifest: Manifest, name: str, tokens: Any) -> str:
    field = manifest.fields[name]
    assert isinstance(field, TokensField)
    return field.decode(tokens)


def findings(manifest: Manifest, section: str) -> dict[str, Finding]:
    return {finding.what: finding for finding in getattr(manifest.import_summary, section)}


def test_pairs_keep_their_texts_in_parts_of_words(tmp_path: Path) -> None:
    files = {"train.de.gz": GERMAN * 4, "train.en": "\ufeff" + ENGLISH * 4}
    files |= {"val.de": " Über   Öl \r\n", "val.en.gz": "About Zoë's oil\n"}

    manifest = import_pairs(tmp_path, files, tokenizer="bpe", vocabulary=270)

    assert manifest.source == "parallel-text: raw"
    assert list(manifest.fields) == ["x", "y"]
    assert pairs(tmp_path, manifest)[:2] == [
        ("Ein Hund läuft.", "A dog runs."),
        ("Zwei Männer lachen!", "Two men are laughing!"),
    ]
    assert pairs(tmp_path, manifest, "val") == [("Über   Öl", "About Zoë's oil")]
    x, y = manifest.fields.values()
    assert x != y


def test_each_language_has_the_vocabulary_of_its_training_texts(tmp_path: Path) -> None:
    files = {"train.de": "ab ab\n", "train.en": "cd cd\n", "test.de": "ab cd\n", "test.en": "cd\n"}

    manifest = import_pairs(tmp_path, files, tokenizer="words")

    assert pairs(tmp_path, manifest, "test") == [("ab <unk>", "cd")]


def test_each_of_several_test_sets_is_a_split(tmp_path: Path) -> None:
    names = ("train.a", "train.b", "test_2016", "test.2017", "dev")
    files = {f"{n}.{lang}": f"{n}\n" for n in names for lang in ("de", "en", "fr")}

    manifest = import_pairs(tmp_path, files | {"README": "all of them"})

    counts = {name: split.num_samples for name, split in manifest.splits.items()}
    assert counts == {"train": 2, "dev": 1, "test-2017": 1, "test_2016": 1}
    assert findings(manifest, "guessed")["splits"].value == "test-2017, test_2016"
    left_out = findings(manifest, "left_out")
    assert left_out["files in other languages"].count == 5
    assert left_out["other files"].example == "README"
    assert findings(manifest, "read")["files"].count == 10


def test_one_text_without_a_split_is_recognised_by_its_languages(tmp_path: Path) -> None:
    files = {"corpus.de-en.de": GERMAN, "corpus.de-en.en": ENGLISH}

    assert import_pairs(tmp_path, files).splits["train"].num_samples == 2


def test_equal_lines_and_copies_in_the_test_are_warned_of(tmp_path: Path) -> None:
    files = {"train.de": GERMAN + "OK\n", "train.en": ENGLISH + "OK\n"}
    files |= {"test.de": "Neu\nOK\n", "test.en": "New\nFine\n"}

    warned = findings(import_pairs(tmp_path, files), "warnings")

    assert (warned["pairs of equal lines"].count, warned["pairs of equal lines"].example) == (
        1,
        "train.de:3",
    )
    copies = warned["samples of test that are in train as well"]
    assert copies.example == "test.de:2 and train.de:3"


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (
            {"train.de": GERMAN + "Drei\nVier\n"},
            r"train\.de: found 4 lines here and 2 in train\.en, expected as many; line 3 is the "
            r"first without a partner",
        ),
        ({"train.en": ENGLISH + "Three"}, r"train\.en: found 3 lines here and 2 in train\.de"),
        (
            {"train.de": "Ein Hund\n \n"},
            r"train\.de:2: the line is empty, and that of train\.en is not; (.|\n)*"
            r"or leave them out: --skip-unreadable",
        ),
        ({"train.en": b"a dog\ncaf\xe9\n"}, r"train\.en:2: not UTF-8 \(.*\); save the file as"),
        ({"train.en": ENGLISH.encode("utf-16")}, r"train\.en: found UTF-16, expected UTF-8"),
        ({"train.en": ENGLISH.encode("utf-16-be")}, r"train\.en: found UTF-16, expected UTF-8"),
        ({"val.de": GERMAN}, r"val\.de: found no partner val\.en beside it; add it, or move"),
        ({"train.de.gz": GERMAN}, r"train\.de: the same text as train\.de\.gz; move one"),
    ],
)
def test_faults_are_named_with_file_and_row(
    tmp_path: Path, files: Mapping[str, str | bytes], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_pairs(tmp_path, TRAIN | files)

    assert not (tmp_path / "out").exists()


def test_a_damaged_archive_is_named(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "val.de.gz").write_bytes(gzip.compress(GERMAN.encode())[:-9])

    with pytest.raises(DataError, match=r"val\.de\.gz: cannot be read: "):
        import_pairs(tmp_path, TRAIN | {"val.en": ENGLISH})


def test_pairs_that_cannot_be_used_are_left_out_and_counted(tmp_path: Path) -> None:
    files = {"train.de": b"aa\n\nbb\n\ncc\n", "train.en": b"dd\nhm\nee\n\nf\xe9\n"}
    files |= {"val.de": b"gg\n"}

    manifest = import_pairs(tmp_path, files, skip_unreadable=True)

    assert pairs(tmp_path, manifest) == [("aa", "dd"), ("bb", "ee")]
    assert manifest.import_summary is not None
    found = [(f.what, f.count, f.example) for f in manifest.import_summary.left_out]
    assert sorted(found) == [
        ("files", 1, "val.de"),
        ("lines", 1, "train.de:4"),
        ("pairs", 1, "train.de:2"),
        ("pairs", 1, "train.en:5"),
    ]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"source_lang": None, "target_lang": None},
            r"there are texts in de, en; name two of them, such as: --source-lang de --target-lang",
        ),
        ({"target_lang": "de"}, r"--source-lang and --target-lang are both de"),
        (
            {"source_lang": "fr", "target_lang": "cs"},
            r"no files such as train\.fr; there are .* de",
        ),
        ({"target_lang": "fr"}, r"train\.de: found no partner train\.fr"),
        ({"size": (8, 8)}, r"--size does not apply .* read as parallel-text"),
    ],
)
def test_languages_that_are_not_clear_are_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        import_pairs(tmp_path, TRAIN, **options)


def test_one_file_is_no_parallel_text(tmp_path: Path) -> None:
    (tmp_path / "train.de").write_text(GERMAN)

    with pytest.raises(DataError, match=r"a file, expected a folder with train\.de, train\.en"):
        import_dataset(tmp_path / "train.de", tmp_path / "out", options=LANGUAGES)
