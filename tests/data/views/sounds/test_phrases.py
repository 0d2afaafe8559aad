"""The phrases view: words of one speaker, one after the other, the same whenever they are made."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.audio import AudioField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.number import NumberField
from distnet.data.manifest import Manifest, Split
from distnet.data.views.sounds.phrases import Phrases

NUM = 60
RANDOM = np.random.default_rng(0)
FIELDS = {
    "x": AudioField(sample_rate=8000),
    "y": ClassField(classes=("yes", "no", "on")),
    "speaker": ClassField(classes=tuple("abcd")),
}
LENGTHS = RANDOM.integers(3, 9, NUM)
COLUMNS: Columns = {
    # Each number says which recording it is from.
    "x": RaggedArray(np.repeat(np.arange(NUM), LENGTHS).astype(np.int16), LENGTHS),
    "y": RANDOM.integers(0, 3, NUM).astype(np.int32),
    "speaker": RANDOM.integers(0, 4, NUM).astype(np.int32),
}


def manifest(**fields: Any) -> Manifest:
    split = Split.model_construct(num_samples=NUM, shards=())
    return Manifest.model_construct(
        name="words", fields=FIELDS | fields, splits={"train": split, "test": split}
    )


def recordings_of(sound: np.ndarray) -> list[int]:
    """The recordings of a phrase, whose every number names its own."""
    found: list[int] = []
    position = 0
    while position < len(sound):
        found.append(int(sound[position]))
        position += int(LENGTHS[found[-1]])
        assert set(sound[position - int(LENGTHS[found[-1]]) : position].tolist()) == {found[-1]}
    return found


def test_a_phrase_is_whole_recordings_of_one_speaker_with_their_words() -> None:
    view = Phrases(manifest(), repeat=3)
    count = view.num_samples("train")
    assert count == 3 * NUM
    phrases = view.take(COLUMNS, np.arange(count), "train")
    lengths, seen = set(), set()
    for index in range(count):
        recordings = recordings_of(phrases["x"][index])
        assert phrases["y"][index].tolist() == COLUMNS["y"][recordings].tolist()
        assert len(set(COLUMNS["speaker"][recordings].tolist())) == 1
        assert recordings[0] == index % NUM
        lengths.add(len(recordings))
        seen.update(recordings[1:])
    assert lengths == {2, 3, 4, 5}
    assert len(seen) > 0.9 * NUM


def test_a_phrase_depends_on_split_index_and_seed_alone() -> None:
    view = Phrases(manifest(), shortest=3, longest=4)
    every = view.take(COLUMNS, np.arange(NUM), "train")
    some = view.take(COLUMNS, np.array([41, 7]), "train")
    assert [part.tolist() for part in some["x"]] == [every["x"][i].tolist() for i in (41, 7)]
    others = (view.take(COLUMNS, np.arange(NUM), "test"), Phrases(manifest(), seed=1))
    assert others[0]["x"].values.tolist() != every["x"].values.tolist()
    again = others[1].take(COLUMNS, np.arange(NUM), "train")
    assert again["x"].values.tolist() != every["x"].values.tolist()


def test_speakers_can_be_mixed() -> None:
    phrases = Phrases(manifest(), speaker="").take(COLUMNS, np.arange(NUM), "train")
    mixed = [
        len(set(COLUMNS["speaker"][recordings_of(part)].tolist())) > 1 for part in phrases["x"]
    ]
    assert any(mixed)


def test_texts_are_written_with_spaces() -> None:
    field = Phrases(manifest()).fields["y"]
    assert field.decode(np.array([0, 2, 2])) == "yes on on"


@pytest.mark.parametrize(
    ("options", "fields", "message"),
    [
        ({}, {"x": NumberField(shape=(1,))}, r"needs recordings x \(audio\).*found x \(number\)"),
        ({"speaker": "voice"}, {}, r"found no class 'voice' among x \(audio\), y \(class\)"),
        ({"shortest": 6}, {}, "shortest is 6, longest 5"),
    ],
)
def test_data_that_does_not_fit_is_refused(
    options: dict[str, Any], fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Phrases(manifest(**fields), **options)


def test_no_phrases_are_taken_of_an_empty_list(tmp_path: Path) -> None:  # noqa: ARG001
    phrases = Phrases(manifest()).take(COLUMNS, np.arange(0), "train")
    assert len(phrases["x"]) == len(phrases["y"]) == 0
