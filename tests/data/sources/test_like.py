"""Data that is imported like another dataset: the same tokens for a text, the same classes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from distnet.data.column import Column, RaggedArray
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError
from tests.data.raw_files import image_folder

ROWS = [
    ("a truly fine film , don't miss it", "good"),
    ("what a dull mess", "bad"),
    ("a fine , fine cast in a fine film", "good"),
    ("dull from end to end , a mess", "bad"),
]
RATE = 8000


def table(file: Path, rows: list[tuple[str, str]]) -> Path:
    file.write_text("text\tlabel\n" + "".join(f"{text}\t{label}\n" for text, label in rows))
    return file


def column(folder: Path, manifest: Manifest, name: str, split: str = "test") -> Column:
    return ShardReader(folder, manifest, split, [name]).read_all()[name]


def alike(source: Path, like: Path, *, fraction: float = 1.0, **options: Any) -> Manifest:
    out = source.with_name(f"{source.name}-out")
    return import_dataset(source, out, test_fraction=fraction, options=options, like=like)


def tone(file: Path, rate: int = RATE, pitch: float = 300.0) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    wave = 0.5 * np.sin(2 * np.pi * pitch * np.arange(400) / rate)
    soundfile.write(file, wave, rate, subtype="PCM_16")
    return file


@pytest.mark.parametrize("tokenizer", ["words", "characters", "bpe"])
def test_a_text_becomes_the_same_tokens_whatever_stands_beside_it(
    tmp_path: Path, tokenizer: str
) -> None:
    source = table(tmp_path / "old.tsv", ROWS * 3)
    options = {"tokenizer": tokenizer, "vocabulary": 270}
    old = import_dataset(source, tmp_path / "old", test_fraction=0, options=options)
    new_rows = [ROWS[2], ("an entirely new zebra , zebra , zebra", "bad"), ROWS[0]]

    manifest = alike(table(tmp_path / "new.tsv", new_rows), tmp_path / "old")

    new = tmp_path / "new.tsv-out"
    learned = column(tmp_path / "old", old, "x", "train")
    found = column(new, manifest, "x")
    assert isinstance(learned, RaggedArray)
    assert isinstance(found, RaggedArray)
    np.testing.assert_array_equal(found[0], learned[2])
    np.testing.assert_array_equal(found[2], learned[0])
    assert np.asarray(column(new, manifest, "y")).tolist() == [1, 0, 1]
    assert manifest.x.unlike(old.x) is None
    assert (manifest.y.classes, list(manifest.splits)) == (("bad", "good"), ["test"])
    assert manifest.import_summary is not None
    unknown = [f.count for f in manifest.import_summary.guessed if f.value == "read as <unk>"]
    assert unknown == {"words": [6], "bpe": []}.get(tokenizer, unknown)


def test_tables_may_lack_classes_and_have_indices_for_names(tmp_path: Path) -> None:
    numbered = [(text, str(int(label == "good"))) for text, label in ROWS]
    options = {"classes": ("bad", "good")}
    source = table(tmp_path / "old.tsv", numbered * 2)
    import_dataset(source, tmp_path / "old", test_fraction=0, options=options)

    manifest = alike(table(tmp_path / "new.tsv", numbered[::2]), tmp_path / "old")

    assert manifest.y.classes == ("bad", "good")
    assert manifest.y.class_counts == {"test": (0, 2)}


def test_a_plain_text_keeps_the_characters_of_the_other_one(tmp_path: Path) -> None:
    (tmp_path / "old.txt").write_text("abcde\n" * 9)
    import_dataset(tmp_path / "old.txt", tmp_path / "old")
    (tmp_path / "new.txt").write_text("bad\n")

    manifest = alike(tmp_path / "new.txt", tmp_path / "old")

    tokens = column(tmp_path / "new.txt-out", manifest, "tokens")
    assert isinstance(tokens, RaggedArray)
    assert tokens[0].tolist() == [2, 1, 4, 0]  # of "\n", "a", "b", "c", "d", "e"
    (tmp_path / "odd.txt").write_text("bad\nbaz\n")
    with pytest.raises(DataError, match=r"odd\.txt:2: found the character 'z', .*6 of the other"):
        alike(tmp_path / "odd.txt", tmp_path / "old")


def test_pairs_of_texts_keep_the_tokens_of_both_languages(tmp_path: Path) -> None:
    texts = {"de": "der Hund\ndie Katze\nder Hase\n", "en": "the dog\nthe cat\nthe hare\n"}
    for folder, last in (("old", {"de": "", "en": ""}), ("new", {"de": "xy\n", "en": "zz\n"})):
        (tmp_path / folder).mkdir()
        for language, text in texts.items():
            (tmp_path / folder / f"all.{language}").write_text(text * 2 + last[language] * 2)
    options = {"source_lang": "de", "target_lang": "en"}
    learned = options | {"tokenizer": "words"}
    old = import_dataset(tmp_path / "old", tmp_path / "pairs", test_fraction=0, options=learned)

    manifest = alike(tmp_path / "new", tmp_path / "pairs", **options)

    for name in ("x", "y"):
        before = column(tmp_path / "pairs", old, name, "train")
        after = column(tmp_path / "new-out", manifest, name)
        assert isinstance(before, RaggedArray)
        assert isinstance(after, RaggedArray)
        assert [t.tolist() for t in before] == [t.tolist() for t in after][:6]
        assert after[6].tolist() == [0]


def test_sounds_of_some_classes_and_another_speaker(tmp_path: Path) -> None:
    for index, word in enumerate(("no", "on", "yes")):
        tone(tmp_path / "old" / f"{word}_ann.wav", pitch=200 + 50 * index)
    options = {"names": "{class}_{speaker}"}
    import_dataset(tmp_path / "old", tmp_path / "words", test_fraction=0, options=options)
    tone(tmp_path / "new" / "yes_bob.wav")

    manifest = alike(tmp_path / "new", tmp_path / "words", **options)

    assert manifest.y.classes == ("no", "on", "yes")
    assert np.asarray(column(tmp_path / "new-out", manifest, "y")).tolist() == [2]
    assert manifest.fields["speaker"].classes == ("bob",)
    tone(tmp_path / "new" / "go_bob.wav")
    tone(tmp_path / "new" / "no_bob.wav", rate=2 * RATE)
    tone(tmp_path / "new" / "no_eve.wav", rate=2 * RATE)
    with pytest.raises(DataError) as caught:
        import_dataset(tmp_path / "new", tmp_path / "x", like=tmp_path / "words", options=options)
    assert "go_bob.wav: found the class 'go', expected one of the other dataset: no, on" in str(
        caught.value
    )
    assert "no_eve.wav: found a sample rate of 16,000 Hz, expected 8,000 Hz" in str(caught.value)


def test_images_get_the_size_the_colours_and_the_classes(tmp_path: Path) -> None:
    image_folder(tmp_path / "old", {"ant": 3, "bee": 3, "cow": 3}, mode="L")
    import_dataset(tmp_path / "old", tmp_path / "animals", test_fraction=0)
    image_folder(tmp_path / "new", {"bee": 2}, height=30, width=20)

    manifest = alike(tmp_path / "new", tmp_path / "animals")

    assert (manifest.x.shape, manifest.y.classes) == ((1, 8, 10), ("ant", "bee", "cow"))
    assert manifest.y.class_counts == {"test": (0, 2, 0)}
    image_folder(tmp_path / "odd", {"bee": 1, "elk": 1})
    with pytest.raises(DataError, match="class folder 'elk', which is none .*: ant, bee, cow"):
        alike(tmp_path / "odd", tmp_path / "animals")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tokenizer": "bpe"}, "--tokenizer: found beside --like, which decides it"),
        ({"classes": ("a", "b")}, "--classes: found beside --like"),
        ({"kind": "csv"}, "column 'text' .* text|'text'"),
    ],
)
def test_what_cannot_be_alike_is_refused(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    source = table(tmp_path / "old.tsv", ROWS * 2)
    import_dataset(source, tmp_path / "old", test_fraction=0)
    kind = options.pop("kind", None)

    with pytest.raises(DataError, match=message):
        import_dataset(source, tmp_path / "new", kind=kind, options=options, like=tmp_path / "old")
    assert not (tmp_path / "new").exists()


def test_data_of_another_kind_is_refused(tmp_path: Path) -> None:
    import_dataset(table(tmp_path / "old.tsv", ROWS * 2), tmp_path / "old", test_fraction=0)
    image_folder(tmp_path / "same", {"good": 3, "bad": 3})

    with pytest.raises(DataError, match=r"the field x is image, \[3, 8, 10\], but .* tokens, \[\]"):
        alike(tmp_path / "same", tmp_path / "old")
