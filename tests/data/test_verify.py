import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from distnet.data.importing import import_dataset
from distnet.data.shard_writer import ShardWriter
from distnet.data.verify import verify_dataset
from tests.data.raw_files import small_idx


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out")
    return tmp_path / "out"


def change_manifest(dataset: Path, **changes: Any) -> None:
    content = json.loads((dataset / "manifest.json").read_text())
    for keys, value in changes.items():
        *path, last = keys.split("__")
        part = content
        for key in path:
            part = part[key]
        part[last] = value
    (dataset / "manifest.json").write_text(json.dumps(content))


def test_whole_dataset_has_no_faults(dataset: Path) -> None:
    (dataset / "LICENSE").write_text("free")
    counts_seen: list[tuple[int, int]] = []
    assert verify_dataset(dataset, on_progress=lambda *counts: counts_seen.append(counts)) == []
    assert counts_seen == [(1, 2), (2, 2)]


def test_all_faults_are_found_at_once(dataset: Path) -> None:
    shard = dataset / "train-00000.parquet"
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    (dataset / "test-00000.parquet").unlink()
    (dataset / "test-00001.parquet").write_bytes(b"x")
    faults = "\n".join(verify_dataset(dataset))
    assert "train-00000.parquet: changed since it was written" in faults
    assert "test-00000.parquet: No such file" in faults
    assert "test-00001.parquet: does not belong to the dataset" in faults
    assert len(faults.splitlines()) == 3


def test_truncated_shard_is_found(dataset: Path) -> None:
    shard = dataset / "train-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-9])
    (fault,) = verify_dataset(dataset)
    assert "bytes, the manifest says" in fault


def test_statistics_and_counts_are_checked(dataset: Path) -> None:
    change_manifest(dataset, fields__x__mean=[0.1], fields__y__class_counts__test=[5, 0, 0])
    faults = "\n".join(verify_dataset(dataset))
    assert re.search(r"fields.x.mean does not match the samples .*\(0.4.*\(0.1,\)", faults)
    assert re.search(r"fields.y.class_counts .*found .*'test': \(2, 2, 1\).*\(5, 0, 0\)", faults)
    assert len(faults.splitlines()) == 2


def test_statistics_of_number_targets_are_checked(tmp_path: Path) -> None:
    np.savez(tmp_path / "raw.npz", x=np.ones((3, 2)), y=np.array([1.5, 2.5, 9.5]))
    import_dataset(tmp_path / "raw.npz", tmp_path / "out", test_fraction=0)
    assert verify_dataset(tmp_path / "out") == []
    change_manifest(tmp_path / "out", fields__y__mean=[4.0])
    (fault,) = verify_dataset(tmp_path / "out")
    assert "fields.y.mean does not match the samples (found (4.5,), " in fault
    assert "import the dataset again" in fault


def test_labels_out_of_range_are_found(dataset: Path) -> None:
    change_manifest(dataset, fields__y__classes=["0", "1"])
    faults = "\n".join(verify_dataset(dataset))
    assert "splits.train: row group 0: y holds label 2 of 2 classes" in faults


def test_numbers_that_are_not_finite_are_found(tmp_path: Path) -> None:
    np.savez(tmp_path / "raw.npz", x=np.ones((3, 2)), y=np.zeros(3))
    manifest = import_dataset(tmp_path / "raw.npz", tmp_path / "out", test_fraction=0)
    with ShardWriter(tmp_path / "out", "train", manifest.fields) as writer:
        writer.write({"x": np.full((3, 2), np.nan, np.float32), "y": np.zeros((3, 1), np.float32)})
        split = writer.finish()
    changed = manifest.model_copy(update={"splits": {"train": split}})
    (tmp_path / "out" / "manifest.json").write_text(changed.to_json())
    (fault,) = verify_dataset(tmp_path / "out")
    assert "row group 0: x holds numbers that are not finite" in fault


def test_missing_manifest_is_a_fault(tmp_path: Path) -> None:
    (fault,) = verify_dataset(tmp_path)
    assert "not a dataset" in fault
