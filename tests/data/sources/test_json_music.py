"""Music as JSON: what it becomes, and what is wrong with it."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnet.data.fields.music import MusicField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.data.sources.source import detect_kinds
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.needs import real_data

STEP = [72, 67, 64, 48]
GOOD: dict[str, Any] = {"train": [[STEP, [72, 67, -1, 47]], [STEP] * 3], "test": [[STEP] * 2]}


def raw(folder: Path, content: Any, name: str = "music.json") -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    data = text.encode()
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder / name


def imported(file: Path, **options: Any) -> Manifest:
    out = file.parent / "out"
    manifest = import_dataset(file, out, options=options)
    assert verify_dataset(out) == []
    return manifest


def field(manifest: Manifest) -> MusicField:
    found = manifest.fields["notes"]
    assert isinstance(found, MusicField)
    return found


@pytest.mark.parametrize("name", ["music.json", "music.json.gz"])
def test_each_piece_is_a_sample_of_its_split(name: str, tmp_path: Path) -> None:
    file = raw(tmp_path, GOOD, name)

    manifest = imported(file, steps_per_beat=2)

    assert detect_kinds(file)[0] == "json-music"
    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 2,
        "test": 1,
    }
    rows = ShardReader(tmp_path / "out", manifest, "train").read_all()["notes"]
    texts = [field(manifest).decode(np.asarray(rows[index])) for index in range(2)]
    step, end = "\nC5 G4 E4 C3", "\nend rest rest rest"
    assert texts == [f"{step[1:]}\nC5 G4 rest B2{end}", f"{step[1:]}{2 * step}{end}"]
    assert (field(manifest).steps_per_beat, field(manifest).longest) == (2, 16)
    assert field(manifest).num_values == {"train": 28, "test": 12}


def test_the_chorales_come_with_their_splits(tmp_path: Path) -> None:
    source = real_data("jsb-chorales.json.gz")

    manifest = import_dataset(source, tmp_path / "chorales")

    counts = {name: split.num_samples for name, split in manifest.splits.items()}
    assert counts == {"train": 229, "valid": 76, "test": 77}
    pieces = json.loads(gzip.decompress(source.read_bytes()))["test"]
    rows = ShardReader(tmp_path / "chorales", manifest, "test").read_all()["notes"]
    for index, piece in enumerate(pieces):
        found = field(manifest).pitches(np.asarray(rows[index]).tolist())
        assert found[:-1].tolist() == piece


FAULTS = {
    "three voices": ([STEP, STEP[:3]], "step 1 .*found a list of 3, expected a list of 4 pitches"),
    "a high pitch": ([STEP, [72, 128, 64, 48]], "step 1 .*found 128 as the pitch of the alto"),
    "a low pitch": ([[72, 67, 64, -2]], "step 0 .*found -2 as the pitch of the bass, .*0 to 127"),
    "no number": ([STEP, ["C5", 67, 64, 48]], 'step 1 .*found "C5" as the pitch of the soprano'),
    "NaN": ([[72, float("nan"), 64, 48]], "step 0 .*found NaN as the pitch of the alto"),
    "a half tone": ([[72, 67.5, 64, 48]], "step 0 .*found 67.5"),
    "a truth value": ([[72, 67, True, 48]], "step 0 .*found true as the pitch of the tenor"),
    "no step": ([STEP, 72], "step 1 .*found 72, expected a list of 4"),
    "an empty piece": ([], "found an empty piece"),
    "no piece": ({"a": 1}, "found an object, expected a list of steps"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_piece_is_named_or_left_out_and_counted(fault: str, tmp_path: Path) -> None:
    piece, message = FAULTS[fault]
    file = raw(tmp_path, {**GOOD, "train": [*GOOD["train"], piece]})

    with pytest.raises(DataError, match=f"music.json: train, piece 2.*{message}(.|\n)*--skip-unr"):
        imported(file)
    manifest = imported(file, skip_unreadable=True)

    assert manifest.splits["train"].num_samples == 2
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.count) == ("pieces", 1)
    assert "music.json: train, piece 2" in left_out.example


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"valid": [[STEP]], "test": [[STEP]]}, r"no pieces of the split train; found valid \(1"),
        ({**GOOD, "test": []}, "no pieces of the split test"),
        ({**GOOD, "my test": [[STEP]]}, "found a split called 'my test'"),
        ([[STEP]], "found a list of 1, expected an object of lists"),
        ({"train": 3}, "found an object, expected an object of lists"),
        ('{"train": [[[72, 67,', "not JSON: .*line 1 column"),
        ("[" * 100_000, "not JSON"),
        ("{}", "no pieces of the split train; found no splits"),
    ],
)
def test_a_file_of_another_form_is_refused(content: Any, message: str, tmp_path: Path) -> None:
    file = raw(tmp_path, content)

    with pytest.raises(DataError, match=rf"music\.json(:1)?: {message}"):
        import_dataset(file, tmp_path / "out", kind="json-music")
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    file = raw(tmp_path, GOOD, "music.json.gz")
    file.write_bytes(file.read_bytes()[:-10])

    with pytest.raises(DataError, match=r"music.json.gz: cannot be read"):
        import_dataset(file, tmp_path / "out", kind="json-music")


@pytest.mark.parametrize("steps", [0, 7, -4])
def test_steps_divide_a_beat(steps: int, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"--steps-per-beat: found {steps}, expected a divisor"):
        imported(raw(tmp_path, GOOD), steps_per_beat=steps)


def test_other_json_is_no_music(tmp_path: Path) -> None:
    for content in ({"train": [[["C5"]]]}, {"data": {"a": 1}}, [[STEP]], "nothing"):
        with pytest.raises(DataError, match=r"not recognised .*read_json"):
            detect_kinds(raw(tmp_path, content))
