"""Folders of recordings: classes and splits by folders or names, and files that are faulty."""

import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from distnet.data.column import RaggedArray
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.sounds.sound_file import read_sound
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.needs import real_data

RATE = 8000
NAMES = "{class}_{speaker}_{take}"


def sound(length: int = 400, pitch: float = 300.0) -> np.ndarray:
    """A tone, int16 [length]."""
    wave = np.sin(2 * np.pi * pitch * np.arange(length) / RATE)
    return np.rint(20_000 * wave).astype(np.int16)


def write(file: Path, samples: np.ndarray | None = None, rate: int = RATE, **options: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(file, sound() if samples is None else samples, rate, **options)
    return file


def write_takes(folder: Path) -> Path:
    """Three words by two speakers, three takes each: of different lengths and pitches."""
    for number in range(18):
        word, speaker, take = ["yes", "no", "on"][number % 3], "ab"[number % 2], number // 6
        write(folder / f"{word}_{speaker}_{take}.wav", sound(300 + number, 200 + 20 * number))
    return folder


def imported(source: Path, **options: Any) -> Manifest:
    out = source.parent / "out"
    import_dataset(source, out, test_fraction=options.pop("fraction", None), options=options)
    assert verify_dataset(out) == []
    return read_manifest(out)


def rows(source: Path, manifest: Manifest, split: str) -> dict[str, Any]:
    return ShardReader(source.parent / "out", manifest, split).read_all()


def test_class_folders_become_classes_with_the_samples_as_they_are(tmp_path: Path) -> None:
    lengths = {"cat": (250, 300), "dog": (17, 999)}
    for name, each in lengths.items():
        for length in each:
            write(tmp_path / "raw" / name / f"{length}.wav", sound(length))
    (tmp_path / "raw" / "cat" / "notes.txt").write_text("quiet")
    manifest = imported(tmp_path / "raw", fraction=0)
    columns = rows(tmp_path / "raw", manifest, "train")
    x = manifest.x
    assert (x.kind, x.input_shape, manifest.y.classes) == ("audio", (RATE,), ("cat", "dog"))
    assert columns["y"].tolist() == [0, 0, 1, 1]
    assert isinstance(columns["x"], RaggedArray)
    for index, length in enumerate((250, 300, 17, 999)):
        np.testing.assert_array_equal(columns["x"][index], sound(length))
    summary = manifest.import_summary
    assert summary is not None
    assert [row.what for row in summary.left_out] == ["files that end in .txt"]


def test_folders_of_splits_are_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("test", 1)):
        for name in ("cat", "dog"):
            for index in range(count):
                pitch = 100 + 50 * index + (split == "test") * 7
                write(tmp_path / "raw" / split / name / f"{index}.wav", sound(pitch=pitch))
    manifest = imported(tmp_path / "raw")
    assert {n: s.num_samples for n, s in manifest.splits.items()} == {"train": 6, "test": 2}


def test_parts_of_names_become_fields_and_one_of_them_makes_the_test(tmp_path: Path) -> None:
    manifest = imported(write_takes(tmp_path / "raw"), names=NAMES, test="take=2")
    assert list(manifest.fields) == ["x", "y", "speaker", "take"]
    assert manifest.y.classes == ("no", "on", "yes")
    assert manifest.fields["speaker"].classes == ("a", "b")
    train, test = (rows(tmp_path / "raw", manifest, split) for split in ("train", "test"))
    assert set(test["take"].tolist()) == {2}
    assert set(train["take"].tolist()) == {0, 1}
    assert len(test["y"]) == 6
    # The sample of a row is that of its name: yes_a_0 is the first that was written.
    yes, first = manifest.y.classes.index("yes"), sound(300, 200)
    (row,) = np.flatnonzero((train["y"] == yes) & (train["take"] == 0) & (train["speaker"] == 0))
    np.testing.assert_array_equal(train["x"][int(row)], first)
    summary = manifest.import_summary
    assert summary is not None
    assert summary.warnings == ()


def test_a_speaker_can_be_held_out(tmp_path: Path) -> None:
    manifest = imported(write_takes(tmp_path / "raw"), names=NAMES, test="speaker=b")
    assert manifest.fields["speaker"].class_counts == {"train": (9, 0), "test": (0, 9)}


def test_names_are_read_in_folders_of_splits_and_with_the_last_folders(tmp_path: Path) -> None:
    write_takes(tmp_path / "raw" / "train")
    write(tmp_path / "raw" / "test" / "on_c_0.wav")
    manifest = imported(tmp_path / "raw", names=NAMES)
    assert {n: s.num_samples for n, s in manifest.splits.items()} == {"train": 18, "test": 1}
    for word in ("go", "stop"):
        write(tmp_path / "deep" / "theo" / word / "1.flac", sound(pitch=100 * len(word)))
    (tmp_path / "out").rename(tmp_path / "before")
    deep = imported(tmp_path / "deep", names="{speaker}/{class}/{take}", fraction=0)
    assert deep.y.classes == ("go", "stop")
    assert deep.fields["speaker"].classes == ("theo",)


def test_other_formats_become_16_bits_of_one_channel(tmp_path: Path) -> None:
    stereo = np.stack([sound(), np.zeros(400, np.int16)], 1)
    write(tmp_path / "raw" / "a" / "stereo.wav", stereo)
    write(tmp_path / "raw" / "a" / "float.wav", sound() / 32768.0, subtype="FLOAT")
    write(tmp_path / "raw" / "a" / "loud.wav", sound() / 8192.0, subtype="FLOAT")
    write(tmp_path / "raw" / "b" / "same.flac", sound())
    write(tmp_path / "raw" / "b" / "vorbis.ogg", sound(4000))
    manifest = imported(tmp_path / "raw", fraction=0)
    exact, loud, mixed, same, lossy = rows(tmp_path / "raw", manifest, "train")["x"]
    np.testing.assert_array_equal(mixed, np.rint(sound() / 2).astype(np.int16))
    np.testing.assert_array_equal(exact, sound())
    np.testing.assert_array_equal(same, sound())
    assert (loud.min(), loud.max()) == (-32768, 32767)
    assert np.corrcoef(lossy, sound(4000))[0, 1] > 0.99
    summary = manifest.import_summary
    assert summary is not None
    changes = {row.value: row.count for row in summary.guessed if row.what == "recordings"}
    assert changes == {"mixed to the mean of their channels": 1, "rounded to 16 bits": 3}


def test_samples_of_other_sizes_are_those_nearest_to_16_bits(tmp_path: Path) -> None:
    wide = np.array([0, 255, 256, 384, 385, -(2**23), 2**23 - 1], np.int32)  # of 24 bits
    write(tmp_path / "raw" / "a" / "24.wav", wide * 256, subtype="PCM_24")
    narrow = np.array([0, 1, -1, -128, 127], np.int16) * 256  # of 8 bits
    write(tmp_path / "raw" / "b" / "8.wav", narrow, subtype="PCM_U8")
    long = np.tile(sound(1000), 1100)  # more than is decoded at once
    write(tmp_path / "raw" / "b" / "long.wav", np.stack([long, long], 1))

    found = rows(tmp_path / "raw", imported(tmp_path / "raw", fraction=0), "train")["x"]

    assert found[0].tolist() == [0, 1, 1, 2, 2, -32768, 32767]  # half of a step: to the even one
    assert found[1].tolist() == narrow.tolist()
    np.testing.assert_array_equal(found[2], long)


def test_samples_that_are_no_numbers_are_found_while_they_are_decoded(tmp_path: Path) -> None:
    folder = write_takes(tmp_path / "raw")
    write(folder / "on_a_94.wav", np.array([0.5, np.nan]), subtype="FLOAT")
    with pytest.raises(DataError, match=r"on_a_94\.wav: holds samples that are not finite"):
        imported(folder, names=NAMES)
    assert not (tmp_path / "out").exists()
    skipped = imported(folder, names=NAMES, test="take=2", skip_unreadable=True)
    assert sum(split.num_samples for split in skipped.splits.values()) == 18


@pytest.mark.parametrize(
    ("suffix", "fault"),
    [
        (".mp3", r"damaged: found [\d,]+ samples, expected 40,000 as its header says"),
        (".ogg", "cut off: its last page is missing"),
        (".flac", "cannot be read as a sound file"),
        (".wav", r"cut off: found [\d,]+ bytes of sound, expected 80,000"),
    ],
)
def test_a_file_that_was_cut_off_is_found_whatever_its_format(
    tmp_path: Path, suffix: str, fault: str
) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 40_000)
    whole = tmp_path / f"whole{suffix}"
    soundfile.write(whole, noise, 16_000)
    content = whole.read_bytes()
    for lost in (len(content) // 2, 300, 3):
        cut = tmp_path / f"cut{suffix}"
        cut.write_bytes(content[:-lost])
        with pytest.raises(DataError, match=rf"cut\{suffix}: {fault}"):
            read_sound(cut, sample_rate=16_000)

    assert len(read_sound(whole, sample_rate=16_000)) == 40_000


def spoil(folder: Path) -> dict[str, str]:
    """Add one file of each fault, and what is said of it."""
    write(folder / "on_a_90.wav", np.zeros(0, np.int16))
    write(folder / "on_a_91.wav", rate=16000)
    (folder / "on_a_92.wav").write_bytes(b"RIFF nothing of the kind")
    whole = write(folder / "on_a_93.wav", sound(4000)).read_bytes()
    (folder / "on_a_93.wav").write_bytes(whole[:3000])
    (folder / "on_a_95.wav").write_bytes(b"")
    write(folder / "nonsense.wav")
    return {
        "on_a_90": "holds no sound: 0 samples",
        "on_a_91": "found a sample rate of 16,000 Hz, expected 8,000 Hz",
        "on_a_92": "cannot be read as a sound file",
        "on_a_93": "cut off: found 2,956 bytes of sound, expected 8,000",
        "on_a_95": "an empty file, of 0 bytes",
        "nonsense": f"found 'nonsense', expected a name of the form {NAMES}",
    }


def test_each_faulty_file_is_named_with_its_fault(tmp_path: Path) -> None:
    faults = spoil(write_takes(tmp_path / "raw"))
    with pytest.raises(DataError) as caught:
        imported(tmp_path / "raw", names=NAMES)
    for name, fault in faults.items():
        assert f"{name}.wav: {fault}" in str(caught.value)
    assert "-ar 8000 on_a_91-8000.wav" in str(caught.value)
    assert "or leave them out: --skip-unreadable" in str(caught.value)


def test_faulty_files_can_be_left_out_and_are_counted(tmp_path: Path) -> None:
    faults = spoil(write_takes(tmp_path / "raw"))
    manifest = imported(tmp_path / "raw", names=NAMES, test="take=2", skip_unreadable=True)
    assert {n: s.num_samples for n, s in manifest.splits.items()} == {"train": 12, "test": 6}
    summary = manifest.import_summary
    assert summary is not None
    assert sum(row.count for row in summary.left_out if row.what == "recordings") == 6
    reasons = " ".join(row.why for row in summary.left_out)
    assert all(fault in reasons for fault in faults.values())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"names": "{word}_{speaker}"}, r"found 0 parts \{class\}, expected one"),
        ({"names": "{class}{take}"}, "two parts with nothing between them"),
        ({"names": "{class}_{a b}"}, "found the part 'a b'"),
        ({"names": "{class}_{y}"}, "found the part 'y'"),
        ({"names": "{class}_{a}_{a}"}, "found the part 'a' twice"),
        ({"names": NAMES, "test": "tke=1"}, "found no part 'tke' in the names; there are: class, "),
        ({"names": NAMES, "test": "take"}, "expected a part and its values"),
        ({"names": NAMES, "test": "take=7"}, "no file whose take is '7'; there are: 0, 1, 2"),
        ({"names": NAMES, "test": "take=0,1,2"}, "leaves no recording to learn from"),
        ({"test": "take=1"}, "found no part 'take' in the names; there are: none; set them"),
        ({}, r"found no class folders .* such as: --names '\{class\}_\{speaker\}_\{take\}'"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(
    tmp_path: Path, options: dict[str, str], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        imported(write_takes(tmp_path / "raw"), **options)


def test_real_recordings_are_smaller_than_as_wav(tmp_path: Path) -> None:
    """Of the first recordings of spoken digits: Parquet keeps fewer than 8 of 10 bytes."""
    (tmp_path / "raw").mkdir()
    with tarfile.open(real_data("fsdd.tar.xz")) as archive:
        for member in islice(filter(tarfile.TarInfo.isfile, archive), 120):
            file = archive.extractfile(member)
            assert file is not None
            (tmp_path / "raw" / Path(member.name).name).write_bytes(file.read())
    manifest = imported(tmp_path / "raw", names="{take}_{class}_{number}", fraction=0)
    raw = sum(file.stat().st_size for file in (tmp_path / "raw").iterdir())
    stored = sum(split.num_bytes for split in manifest.splits.values())
    assert manifest.x.input_shape == (8000,)
    assert stored < 0.8 * raw
