"""Trained networks hear recordings of users, whole words and phrases."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from distnet.data.importing import import_dataset
from distnet.errors import DataError
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
