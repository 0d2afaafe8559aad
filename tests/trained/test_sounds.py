"""Trained networks hear recordings of users, whole words and phrases."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields.audio import AudioField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.importing import import_dataset, write_dataset
from distnet.data.sources.source import RawData
from distnet.errors import DataError, DataWarning
from distnet.launch.run import run
from distnet.trained.evaluate import evaluate
from distnet.trained.load import Trained, load_trained
from distnet.trained.predict import predict, reading_note

RATE = 4000
PITCHES = {"low": 300.0, "high": 1200.0}
WORDS = """
name: words
network: {kind: crnn, bands: 16, channels: [4, 8], hidden: 8}
data: {source: ../words}
optimizer: {kind: adam, learning_rate: 0.02}
train: {steps: 16, batch_size: 16}
"""
PHRASES = """
name: phrases
network: {kind: crnn-frames, bands: 16, channels: [4, 8], hidden: 8}
task: {kind: transcribe}
data: {source: ../words, view: {kind: phrases, longest: 3}}
train: {steps: 3, batch_size: 8}
"""


def tone(word: str, length: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(0, 0.02, length)
    return 0.4 * np.sin(2 * np.pi * PITCHES[word] / RATE * np.arange(length)) + noise


def heard(trained: Trained, *files: Path) -> list[str]:
    found = predict(trained, files)
    assert [one["file"] for one in found] == [str(file) for file in files]
    return [one.get("class", one.get("text")) for one in found]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Low and high tones of 0.1 to 0.2 s by two speakers, some of them for the test."""
    folder = tmp_path_factory.mktemp("sounds")
    (folder / "raw").mkdir()
    (folder / "jobs").mkdir()
    for number in range(80):
        word, speaker = ("low", "high")[number % 2], "ab"[number // 2 % 2]
        name = f"{word}_{speaker}_{number // 4}.wav"
        soundfile.write(folder / "raw" / name, tone(word, 400 + 5 * number, number), RATE)
    options = {"names": "{class}_{speaker}_{take}", "test": "take=0,1,2,3"}
    import_dataset(folder / "raw", folder / "words", options=options)
    return folder


@cache
def train(folder: Path, text: str) -> Path:
    job = folder / "jobs" / f"{text.split()[1]}.yaml"
    job.write_text(text)
    return run(job, inline=True, runs=folder / "runs").folder.path


def test_a_word_is_classified_in_any_format_but_not_at_another_rate(
    folder: Path, tmp_path: Path
) -> None:
    path = train(folder, WORDS)
    trained = load_trained(path)
    files = [tmp_path / name for name in ("low.wav", "high.flac", "both.wav")]
    soundfile.write(files[0], tone("low", 700, 1), RATE)
    soundfile.write(files[1], tone("high", 500, 2), RATE)
    soundfile.write(files[2], np.stack([tone("high", 600, 3)] * 2, 1), RATE)
    assert heard(trained, *files) == ["low", "high", "high"]
    assert reading_note(trained, files[:2], None) == ""
    assert "both.wav were mixed to their mean" in reading_note(trained, files, None)
    assert evaluate(path)["metrics"]["accuracy"] == 1.0
    soundfile.write(tmp_path / "fast.wav", tone("low", 700, 1), 2 * RATE)
    with pytest.raises(DataError, match=r"fast\.wav: found .* 8,000 Hz, expected 4,000 Hz"):
        predict(trained, [tmp_path / "fast.wav"])
    for word in PITCHES:
        (tmp_path / "fast" / word).mkdir(parents=True)
        soundfile.write(tmp_path / "fast" / word / "a.wav", tone(word, 700, 1), 2 * RATE)
    import_dataset(tmp_path / "fast", tmp_path / "others", test_fraction=1)
    with pytest.raises(DataError, match="are recordings of 8,000 Hz, but .* trained on 4,000 Hz"):
        evaluate(path, data=str(tmp_path / "others"))
    with pytest.raises(DataError, match=r"none\.wav: found no such file, expected a recording"):
        predict(trained, [tmp_path / "none.wav"])


def test_a_phrase_is_written_down(folder: Path, tmp_path: Path) -> None:
    path = train(folder, PHRASES)
    parts = [tone(word, 600, seed) for seed, word in enumerate(("low", "high"))]
    soundfile.write(tmp_path / "said.wav", np.concatenate(parts), RATE)
    (text,) = heard(load_trained(path), tmp_path / "said.wav")
    assert set(text.split()) <= {"low", "high"}
    metrics = evaluate(path)["metrics"]
    assert {"loss", "wer", "token_errors", "too_short"} == set(metrics)
    assert metrics["too_short"] == 0


def low_alone(folder: Path) -> Path:
    """Six recordings of the only class `low`, which is then class 0, by the new speaker `c`."""
    sounds = [np.rint(32767 * tone("low", 500, n)).astype(np.int16) for n in range(6)]
    zeros = np.zeros(6, np.int32)
    columns: Columns = {"x": RaggedArray.of(sounds), "y": zeros, "speaker": zeros, "take": zeros}
    fields: dict[str, Field] = {
        "x": AudioField(sample_rate=RATE),
        "y": ClassField(classes=("low",)),
        "speaker": ClassField(classes=("c",)),
        "take": ClassField(classes=("0",)),
    }
    folder.mkdir()
    data = RawData(fields, {"test": lambda: iter([columns]), "train": lambda: iter([columns])})
    write_dataset(folder, data, name="low", source="", licence="", test_fraction=0)
    return folder


def test_words_that_are_missing_elsewhere_never_become_others(folder: Path, tmp_path: Path) -> None:
    """The words of a phrase are numbered by its dataset: `low` would be what `high` was."""
    phrases, words = train(folder, PHRASES), train(folder, WORDS)
    other = str(low_alone(tmp_path / "low"))
    with (
        pytest.warns(DataWarning, match="0 of the 2 classes of speaker .*none of them: c"),
        pytest.raises(DataError, match="are 1 token .words., but .* 2 tokens .*has 'high'"),
    ):
        evaluate(phrases, data=other)
    with pytest.warns(DataWarning, match="1 of the 2 classes that"):
        assert evaluate(words, data=other)["metrics"]["accuracy"] == 1  # by their names
    (tmp_path / "raw").mkdir()
    for number in range(6):
        soundfile.write(tmp_path / "raw" / f"low_c_{number}.wav", tone("low", 500, number), RATE)
    options, like = {"names": "{class}_{speaker}_{take}"}, folder / "words"
    again = tmp_path / "again"
    import_dataset(tmp_path / "raw", again, test_fraction=1, options=options, like=like)
    with pytest.warns(DataWarning, match="classes of speaker"):
        assert evaluate(phrases, data=str(again))["num_samples"] == 6
