from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distnet.data import shard_writer
from distnet.data.column import Array, Columns
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.fields.image import ImageField
from distnet.data.fields.number import NumberField
from distnet.data.fields.vector import VectorField
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shard_writer import ShardWriter
from distnet.data.shards import ShardReader
from distnet.errors import DataError
from tests.datasets import write_dataset

FIELDS = {"x": VectorField(shape=(3,)), "y": ClassField(classes=("a", "b", "c"))}


def write(folder: Path, x: Array, y: Array, fields: dict[str, Field] | None = None) -> Manifest:
    fields = fields or FIELDS
    folder.mkdir(exist_ok=True)
    with ShardWriter(folder, "train", fields) as writer:
        for start in range(0, len(x), 7):
            writer.write({"x": x[start : start + 7], "y": y[start : start + 7]})
        split = writer.finish()
    return Manifest(name="made", source="made", fields=fields, splits={"train": split})


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Row groups of 10 vectors, shards of 3 row groups."""
    monkeypatch.setattr(shard_writer, "ROW_GROUP_BYTES", 10 * (3 * 4 + 4))
    monkeypatch.setattr(shard_writer, "GROUPS_PER_SHARD", 3)


def vectors(num: int) -> tuple[Array, Array]:
    x = np.random.default_rng(0).normal(size=(num, 3)).astype(np.float32)
    return x, (np.arange(num) % 3).astype(np.int32)


@pytest.mark.usefixtures("small_shards")
@pytest.mark.parametrize("num", [1, 9, 10, 11, 30, 31, 64])
def test_rows_read_back_over_groups_and_shards(tmp_path: Path, num: int) -> None:
    x, y = vectors(num)
    manifest = write(tmp_path, x, y)
    assert [shard.num_samples for shard in manifest.splits["train"].shards] == [
        min(30, num - first) for first in range(0, num, 30)
    ]
    reader = ShardReader(tmp_path, manifest, "train")
    assert len(reader.groups) == -(-num // 10)
    assert sum(group.num_samples for group in reader.groups) == num
    for index, group in enumerate(reader.groups):
        rows, got = slice(group.first, group.first + group.num_samples), reader.read_group(index)
        np.testing.assert_array_equal(got["x"], x[rows])
        np.testing.assert_array_equal(got["y"], y[rows])
    everything = reader.read_all()
    np.testing.assert_array_equal(everything["x"], x)
    np.testing.assert_array_equal(everything["y"], y)


@pytest.mark.usefixtures("small_shards")
def test_only_the_columns_that_are_needed_are_read(tmp_path: Path) -> None:
    x, y = vectors(25)
    manifest = write(tmp_path, x, y)
    labels = ShardReader(tmp_path, manifest, "train", ["y"]).read_all()
    assert list(labels) == ["y"]
    np.testing.assert_array_equal(labels["y"], y)


def test_images_and_numbers_keep_type_and_shape(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (20, 3, 5, 4), dtype=np.uint8)
    y = np.random.default_rng(1).normal(size=(20, 2, 3)).astype(np.float32)
    fields = {"x": ImageField(shape=(3, 5, 4)), "y": NumberField(shape=(2, 3))}
    manifest = write(tmp_path, x, y, fields)
    got_x, got_y = ShardReader(tmp_path, manifest, "train").read_group(0).values()
    assert (got_x.dtype, got_y.dtype) == (np.uint8, np.float32)
    np.testing.assert_array_equal(got_x, x)
    np.testing.assert_array_equal(got_y, y)


@pytest.mark.usefixtures("small_shards")
def test_same_rows_give_the_same_bytes_however_they_arrive(tmp_path: Path) -> None:
    x, y = vectors(50)
    first = write(tmp_path / "a", x, y)
    with ShardWriter(tmp_path / "a", "train", FIELDS) as writer:
        writer.write({"x": x, "y": y})
        split = writer.finish()
    assert split == first.splits["train"]


@pytest.mark.usefixtures("small_shards")
def test_observer_sees_the_row_groups(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []

    def observe(columns: Columns) -> None:
        seen.append((len(columns["x"]), len(columns["y"])))

    x, y = vectors(25)
    with ShardWriter(tmp_path, "train", FIELDS) as writer:
        writer.observe = observe
        writer.write({"x": x, "y": y})
        writer.finish()
    assert seen == [(10, 10), (10, 10), (5, 5)]


def test_shards_are_plain_parquet_for_other_tools(tmp_path: Path) -> None:
    x, y = vectors(5)
    write(tmp_path, x, y)
    table = pq.read_table(tmp_path / "train-00000.parquet")
    assert table.schema.field("x").type == pa.list_(
        pa.field("element", pa.float32(), nullable=False), 3
    )
    assert table.column("y").to_pylist() == y.tolist()
    assert table.column("x")[0].as_py() == x[0].tolist()


def test_every_flipped_byte_of_the_pages_is_noticed(tmp_path: Path) -> None:
    x, y = vectors(500)
    manifest = write(tmp_path, x, y)
    file = tmp_path / "train-00000.parquet"
    content = file.read_bytes()
    pages = pq.ParquetFile(file).metadata.row_group(0)
    end = pages.column(1).data_page_offset + pages.column(1).total_compressed_size
    for position in range(60, end, 97):
        changed = bytearray(content)
        changed[position] ^= 0x10
        file.write_bytes(changed)
        with pytest.raises(DataError, match=r"train-00000\.parquet.*distnet data verify"):
            ShardReader(tmp_path, manifest, "train").read_all()


@pytest.mark.parametrize("num_bytes", [0, 3, 1000])
def test_truncated_shard_is_refused(tmp_path: Path, num_bytes: int) -> None:
    x, y = vectors(500)
    manifest = write(tmp_path, x, y)
    file = tmp_path / "train-00000.parquet"
    file.write_bytes(file.read_bytes()[:num_bytes])
    with pytest.raises(DataError, match=f"it has {num_bytes} bytes, the manifest says"):
        ShardReader(tmp_path, manifest, "train")


def test_missing_shard_is_refused(tmp_path: Path) -> None:
    manifest = write(tmp_path, *vectors(5))
    (tmp_path / "train-00000.parquet").unlink()
    with pytest.raises(DataError, match=r"train-00000\.parquet: missing or damaged: No such file"):
        ShardReader(tmp_path, manifest, "train")


def test_a_damaged_copy_of_a_node_is_to_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it was imported from is elsewhere."""
    monkeypatch.setenv("DISTNET_CACHE_DIR", str(tmp_path))
    (tmp_path / "datasets").mkdir()
    folder = write_dataset(tmp_path / "datasets" / "copy", train=203, test=53)
    (folder / "train-00000.parquet").unlink()

    with pytest.raises(DataError, match=f"missing or damaged: No such file.* rm -r {folder}$"):
        ShardReader(folder, read_manifest(folder), "train")


def test_shard_of_other_rows_or_columns_is_refused(tmp_path: Path) -> None:
    manifest = write(tmp_path / "a", *vectors(500))
    file = tmp_path / "a" / "train-00000.parquet"
    shard = manifest.splits["train"].shards[0]

    def swap(table: pa.Table) -> ShardReader:
        pq.write_table(table, file)
        changed = shard.model_copy(update={"num_bytes": file.stat().st_size})
        split = manifest.splits["train"].model_copy(update={"shards": (changed,)})
        return ShardReader(
            tmp_path / "a", manifest.model_copy(update={"splits": {"train": split}}), "train"
        )

    whole = pq.read_table(file)
    with pytest.raises(DataError, match="499 rows in 1 row groups, the manifest says 500 in 1"):
        swap(whole.slice(1)).read_group(0)
    with pytest.raises(DataError, match="its columns are not those of the manifest"):
        swap(pa.table({"x": [1.0], "y": [2]})).read_group(0)


def test_unknown_split_is_refused(tmp_path: Path) -> None:
    manifest = write(tmp_path, *vectors(5))
    with pytest.raises(DataError, match="no split 'test'; it has: train"):
        ShardReader(tmp_path, manifest, "test")


@pytest.mark.usefixtures("small_shards")
def test_dataset_that_is_replaced_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    x, y = vectors(90)
    reader = ShardReader(tmp_path / "data", write(tmp_path / "data", x, y), "train")
    reader.read_group(0)
    write(tmp_path / "new", np.zeros_like(x), y)
    for file in (tmp_path / "new").iterdir():
        file.replace(tmp_path / "data" / file.name)

    with pytest.raises(DataError, match=r"train-00001\.parquet: .* bytes, the manifest says"):
        reader.read_all()
