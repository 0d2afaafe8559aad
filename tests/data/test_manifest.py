import json
from pathlib import Path
from typing import Any

import pytest

from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.errors import DataError
from tests.data.raw_files import small_idx


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    import_dataset(small_idx(tmp_path / "raw"), tmp_path / "out")
    return tmp_path / "out"


def test_manifest_reads_back_as_it_was_written(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    assert Manifest.model_validate_json(manifest.to_json()) == manifest
    assert (dataset / "manifest.json").read_text() == manifest.to_json()


def test_sha256_is_of_the_data_and_not_of_its_name(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    renamed = manifest.model_copy(update={"name": "x", "source": "y", "licence": "z"})
    other = manifest.model_copy(update={"fields": {"x": manifest.x}})
    assert renamed.sha256 == manifest.sha256
    assert other.sha256 != manifest.sha256


def test_split_names_those_there_are_when_it_is_missing(dataset: Path) -> None:
    with pytest.raises(DataError, match=r"no split 'val'; it has: train, test"):
        read_manifest(dataset).split("val")


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (["format"], 3, "manifest at format"),
        (["splits", "train", "num_samples"], 13, "splits.train.*do not add up to 13"),
        (["splits", "train", "shards", 0, "file"], "../x.parquet", "shards.0.file"),
        (["splits", "train", "shards", 0, "groups"], [3], "row groups do not add up to 12"),
        (["fields", "x", "shape"], [4, 6], r"manifest at fields\.x.*image is .channels, height"),
        (["fields", "x", "mean"], [0.1, 0.2], r"manifest at fields\.x.*2 of mean and 1 of std"),
        (["fields", "x", "classes"], ["a"], r"fields\.x.*of kind image has no classes"),
        (["fields", "x", "kind"], "imge", r"fields\.x.*unknown kind of field 'imge'.*mean image"),
        (["fields", "x", "more"], 1, r"fields\.x.*more: found an unknown key"),
        (["fields", "y", "classes"], [], r"manifest at fields\.y.*needs the names of its classes"),
        (["more"], 1, "manifest at more"),
    ],
)
def test_damaged_manifest_is_refused_with_its_key(
    dataset: Path, keys: list[Any], value: object, message: str
) -> None:
    content = json.loads((dataset / "manifest.json").read_text())
    part = content
    for key in keys[:-1]:
        part = part[key]
    part[keys[-1]] = value
    (dataset / "manifest.json").write_text(json.dumps(content))
    with pytest.raises(DataError, match=message):
        read_manifest(dataset)


def test_text_that_is_no_json_is_refused(dataset: Path) -> None:
    (dataset / "manifest.json").write_text("{")
    with pytest.raises(DataError, match=r"manifest\.json: damaged manifest at the top"):
        read_manifest(dataset)


def test_folder_without_manifest_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="distnet data import SOURCE"):
        read_manifest(tmp_path)
