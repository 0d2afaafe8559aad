"""Every kind of field: stored and read back, described, checked, seen."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from distnet.data.column import Column, RaggedArray, join, select
from distnet.data.fields.audio import AudioField
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field, field_class, field_kinds
from distnet.data.fields.image import ImageField
from distnet.data.fields.mask import MaskField
from distnet.data.fields.music import VOCABULARY, MusicField
from distnet.data.fields.number import NumberField
from distnet.data.fields.span import SpanField
from distnet.data.fields.text import TextField
from distnet.data.fields.tokens import TokensField
from distnet.data.fields.vector import VectorField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.samples import Samples
from distnet.data.shard_writer import ShardWriter
from distnet.data.shards import ShardReader
from distnet.data.verify import verify_dataset
from distnet.errors import DataError, UnknownPartError

NUM = 23
RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(0, 6, NUM)


def encoded(side: int) -> np.ndarray:
    content = io.BytesIO()
    Image.new("RGB", (side, 2 * side), (side, 100, 0)).save(content, "PNG")
    return np.frombuffer(content.getvalue(), np.uint8)


def some_boxes() -> np.ndarray:
    corners = RANDOM.uniform(0, 10, (LENGTHS.sum(), 4)).astype(np.float32)
    corners[:, 2:] += corners[:, :2] + 1
    labels = RANDOM.integers(0, 3, (len(corners), 1)).astype(np.float32)
    return np.concatenate([corners, labels], 1)


SOUNDS = RANDOM.integers(1, 300, NUM)

FIELDS: dict[str, Field] = {
    "photo": ImageField(shape=(3, 4, 5)),
    "snapshot": ImageField(shape=(3,)),
    "features": VectorField(shape=(6,)),
    "age": NumberField(shape=(1,)),
    "pose": NumberField(shape=(2, 3)),
    "breed": ClassField(classes=("a", "b", "c")),
    "text": TokensField(vocabulary=tuple("abcdefgh")),
    "chord": TokensField(shape=(4,), vocabulary=tuple("abcdefgh")),
    "chorale": MusicField(vocabulary=VOCABULARY),
    "objects": BoxesField(classes=("cat", "dog", "cow")),
    "region": MaskField(shape=(4, 5), classes=("out", "in")),
    "voice": AudioField(sample_rate=100),
    "title": TextField(),
    "name": SpanField(of="text"),
}
COLUMNS: dict[str, Column] = {
    "photo": RANDOM.integers(0, 256, (NUM, 3, 4, 5), np.uint8),
    "snapshot": RaggedArray.of([encoded(side + 1) for side in range(NUM)]),
    "features": RANDOM.normal(size=(NUM, 6)).astype(np.float32),
    "age": RANDOM.normal(size=(NUM, 1)).astype(np.float32),
    "pose": RANDOM.normal(size=(NUM, 2, 3)).astype(np.float32),
    "breed": RANDOM.integers(0, 3, NUM, np.int32),
    "text": RaggedArray(RANDOM.integers(0, 8, LENGTHS.sum(), np.int32), LENGTHS),
    "chord": RANDOM.integers(0, 8, (NUM, 4), np.int32),
    "chorale": RaggedArray(RANDOM.integers(0, 130, 4 * LENGTHS.sum(), np.int32), 4 * LENGTHS),
    "objects": RaggedArray(some_boxes(), LENGTHS),
    "region": RANDOM.integers(0, 2, (NUM, 4, 5), np.uint8),
    "voice": RaggedArray(RANDOM.integers(-(2**15), 2**15, SOUNDS.sum(), np.int16), SOUNDS),
    "title": TextField.encode("\u00e9\n" * (number % 4) for number in range(NUM)),
    "name": np.sort(RANDOM.integers(0, 9, (NUM, 2), np.int32)),
}


def write_all(folder: Path) -> Manifest:
    """A dataset with a field of every kind."""
    folder.mkdir()
    with ShardWriter(folder, "train", FIELDS) as writer:
        writer.write(COLUMNS)
        split = writer.finish()
    manifest = Manifest(name="all", source="made", fields=FIELDS, splits={"train": split})
    (folder / "manifest.json").write_text(manifest.to_json())
    return manifest


def assert_same(found: Column, expected: Column) -> None:
    if isinstance(expected, RaggedArray):
        assert isinstance(found, RaggedArray)
        np.testing.assert_array_equal(found.lengths, expected.lengths)
        found, expected = found.values, expected.values
    assert isinstance(found, np.ndarray)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_every_kind_is_tried_here() -> None:
    assert {field.kind for field in FIELDS.values()} == set(field_kinds())
    assert all(field_class(field.kind) is type(field) for field in FIELDS.values())


def test_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(UnknownPartError, match=r"unknown kind of field 'boxs'.*mean boxes"):
        field_class("boxs")


@pytest.mark.parametrize("name", FIELDS)
def test_column_comes_back_from_arrow_as_it_was(name: str) -> None:
    field, column = FIELDS[name], COLUMNS[name]
    stored = field.to_arrow(column)
    assert stored.type == field.arrow_type()
    assert_same(field.from_arrow(stored), column)
    middle = field.from_arrow(stored.slice(5, 9))
    assert_same(middle, select(column, np.arange(5, 14)))
    assert len(field.from_arrow(stored.slice(0, 0))) == 0


@pytest.mark.parametrize("name", FIELDS)
def test_missing_values_are_refused(name: str) -> None:
    field = FIELDS[name]
    nothing = pa.nulls(3, field.arrow_type())
    with pytest.raises(ValueError, match="missing"):
        field.from_arrow(nothing)


def test_dataset_of_all_kinds_reads_back(tmp_path: Path) -> None:
    manifest = write_all(tmp_path / "all")
    assert read_manifest(tmp_path / "all") == manifest
    columns = ShardReader(tmp_path / "all", manifest, "train").read_all()
    for name, expected in COLUMNS.items():
        assert_same(columns[name], expected)


@pytest.mark.parametrize("rows", [1, 7, 23])
def test_row_groups_of_ragged_samples_are_the_same_however_they_arrive(
    tmp_path: Path, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnet.data.shard_writer.ROW_GROUP_BYTES", 100)
    fields = {"text": FIELDS["text"]}
    with ShardWriter(tmp_path, "train", fields) as writer:
        for low in range(0, NUM, rows):
            wanted = np.arange(low, min(low + rows, NUM))
            writer.write({"text": select(COLUMNS["text"], wanted)})
        split = writer.finish()
    with ShardWriter(tmp_path, "test", fields) as writer:
        writer.write(COLUMNS)
        whole = writer.finish()
    assert split.shards[0].sha256 == whole.shards[0].sha256
    sizes = np.split(4 * LENGTHS, np.cumsum(split.groups)[:-1])
    assert len(sizes) > 1
    assert all(size.sum() <= 100 for size in sizes)
    assert all(a.sum() + b[0] > 100 for a, b in zip(sizes[:-1], sizes[1:], strict=True)), (
        "a sample that fits joins the group before"
    )


def test_samples_are_tensors_ragged_or_lists(tmp_path: Path) -> None:
    manifest = write_all(tmp_path / "all")
    samples = Samples(tmp_path / "all", manifest, "train", memory_bytes=10**9, seed=3)
    batch, ids = samples.take(0, 4, 9), samples.order.ids(0, 4, 9)
    samples.close()
    assert batch.tensor("photo").tolist() == COLUMNS["photo"][ids].tolist()
    assert batch.tensor("breed").dtype == batch.ragged("text").values.dtype
    for index, sample in enumerate(ids):
        for name in ("text", "objects"):
            expected = COLUMNS[name][int(sample)].tolist()
            assert batch.ragged(name).split()[index].tolist() == expected
        assert list(batch["snapshot"][index].shape) == [3, 2 * (sample + 1), sample + 1]


def test_streamed_samples_are_those_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("distnet.data.shard_writer.ROW_GROUP_BYTES", 2000)
    manifest = write_all(tmp_path / "all")
    samples = Samples(
        tmp_path / "all", manifest, "train", memory_bytes=4000, seed=3, fields=["objects"]
    )
    assert samples.order.num_windows > 2
    found: dict[int, list[list[float]]] = {}
    for low in range(0, NUM, 5):
        batch = samples.take(1, low, min(low + 5, NUM))
        assert list(batch.fields) == ["objects"]
        ids = samples.order.ids(1, low, min(low + 5, NUM))
        parts = [part.tolist() for part in batch.ragged("objects").split()]
        found |= dict(zip(ids.tolist(), parts, strict=True))
    samples.close()
    assert found == {index: COLUMNS["objects"][index].tolist() for index in range(NUM)}


@pytest.mark.parametrize(
    ("name", "column", "fault"),
    [
        ("breed", np.array([0, 3], np.int32), "label 3 of 3 classes"),
        ("breed", np.array([-1], np.int32), "label -1 of 3 classes"),
        ("features", np.array([[np.nan] * 6]), "not finite"),
        ("pose", np.full((1, 2, 3), np.inf), "not finite"),
        ("text", RaggedArray(np.array([1, 8]), np.array([2])), "token 8 of 8"),
        ("region", np.full((1, 4, 5), 2, np.uint8), "label 2 of 2 classes"),
        ("objects", RaggedArray(np.array([[1.0, 2, 1, 3, 0]]), np.array([1])), "an empty box"),
        ("objects", RaggedArray(np.array([[1.0, 2, 3, 4, 5]]), np.array([1])), "label 5 of 3"),
        ("snapshot", RaggedArray.of([np.zeros(9, np.uint8)]), "cannot be read as an image"),
        ("voice", RaggedArray(np.ones(5, np.int16), np.array([0, 5])), "1 recordings without"),
        ("title", RaggedArray(np.array([195, 169], np.uint8), np.array([1, 1])), "not UTF-8"),
        ("name", np.array([[0, 0], [4, 3]], np.int32), "a span from token 4 to 3"),
    ],
)
def test_values_that_cannot_be_are_found(name: str, column: Column, fault: str) -> None:
    assert FIELDS[name].fault(COLUMNS[name]) is None
    assert fault in (FIELDS[name].fault(column) or "")


def test_boxes_without_labels_are_refused() -> None:
    stored = FIELDS["objects"].to_arrow(COLUMNS["objects"])
    boxes, labels = stored.flatten()
    shifted = pa.concat_arrays([labels.slice(1), labels.slice(0, 1)])
    mixed = pa.StructArray.from_arrays([boxes, shifted], fields=list(stored.type))
    with pytest.raises(ValueError, match="boxes and labels of a sample differ in number"):
        FIELDS["objects"].from_arrow(mixed)


def test_pictures_and_captions() -> None:
    assert FIELDS["photo"].thumbnail(COLUMNS["photo"][0]).shape == (4, 5, 3)
    assert FIELDS["snapshot"].thumbnail(COLUMNS["snapshot"][1]).shape == (4, 2, 3)
    assert FIELDS["region"].thumbnail(np.eye(4, 5, dtype=np.uint8)).max() == 255
    assert FIELDS["breed"].caption(np.int32(1)) == "b"
    assert FIELDS["text"].caption(np.array([1, 0, 1], np.int32)) == "bab"
    assert FIELDS["objects"].caption(np.zeros((1, 5))) == "1 box"
    assert FIELDS["voice"].caption(np.zeros(45, np.int16)) == "0.45 s"
    assert (
        FIELDS["title"].caption(np.frombuffer("\u00e9".encode() * 201, np.uint8))[198:]
        == "\u00e9\u00e9..."
    )
    assert FIELDS["name"].caption(np.array([3, 5])) == "tokens 3 to 5"
    with pytest.raises(DataError, match="a vector has no image"):
        FIELDS["features"].thumbnail(np.zeros(6))


def test_text_file_becomes_tokens(tmp_path: Path) -> None:
    field = TokensField(vocabulary=("\n", "a", "b"))
    (tmp_path / "t.txt").write_text("ab\nba")
    assert field.read_file(tmp_path / "t.txt")[0].tolist() == [1, 2, 0, 2, 1]
    (tmp_path / "t.txt").write_text("abc")
    with pytest.raises(DataError, match=r"t\.txt: found the character 'c'.*3 of the vocabulary"):
        field.read_file(tmp_path / "t.txt")


def test_joined_columns_are_one(tmp_path: Path) -> None:
    for column in COLUMNS.values():
        parts = [select(column, np.arange(low, high)) for low, high in ((0, 4), (4, 5), (5, NUM))]
        assert_same(join(parts), column)


def test_verify_finds_what_is_wrong_in_any_kind(tmp_path: Path) -> None:
    manifest = write_all(tmp_path / "all")
    faults = verify_dataset(tmp_path / "all")
    assert any("fields.objects.num_values does not match the samples" in f for f in faults)
    np.savez(tmp_path / "raw.npz", x=np.ones((3, 2)), y=np.zeros(3))
    import_dataset(tmp_path / "raw.npz", tmp_path / "out", test_fraction=0)
    assert verify_dataset(tmp_path / "out") == []
    assert manifest.fields["objects"].num_values == {}


def test_picture_of_a_recording_is_its_waveform() -> None:
    tone = np.concatenate([np.zeros(1000), [9000, -3000] * 500]).astype(np.int16)
    picture = FIELDS["voice"].thumbnail(tone)
    dark = picture < 128
    heights = dark.sum(0)
    assert picture.shape == (64, 128)
    assert heights[:64].max() <= 2
    assert heights[65:].min() > 40
    assert dark[0, 65:].all()
    assert not dark[60:].any()
    assert FIELDS["voice"].thumbnail(tone[1998:]).shape == (64, 128)


def test_amplitude_of_recordings_is_exact() -> None:
    field, sounds = AudioField(sample_rate=8000), np.array([100, -50, 32767, -32768], np.int16)
    statistics = field.statistics()
    statistics.add(RaggedArray(sounds[:3], np.array([1, 2])))
    statistics.add(RaggedArray(sounds[3:], np.array([1])))
    facts = field.described_by({"train": statistics})
    assert facts["mean"] == (sounds.mean(dtype=float) / 32768,)
    assert facts["std"] == pytest.approx((sounds.std(dtype=float) / 32768,))
    assert (facts["num_values"], facts["longest"]) == ({"train": 4}, 2)
