"""Repositories of data sets as the package `datasets` of Hugging Face writes them."""

import io
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from distnet.data.importing import import_dataset
from distnet.errors import DataError
from tests.data.raw_files import picture, read_split

pytestmark = pytest.mark.check  # `datasets` takes seconds to import


def hugging_face(folder: Path) -> Path:
    """A repository as `datasets` writes it: images and a ClassLabel, in a folder `data`."""
    features = datasets.Features(
        {"img": datasets.Image(), "label": datasets.ClassLabel(names=["ant", "bee"])}
    )
    for split, labels in (("train", [1, 0, 1]), ("test", [0])):
        cells = [{"bytes": picture(n), "path": f"{n}.png"} for n in range(len(labels))]
        made = datasets.Dataset.from_dict({"img": cells, "label": labels}, features=features)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        made.to_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    (folder / "README.md").write_text("a card")
    return folder


def test_a_repository_of_hugging_face_is_imported_as_it_is(tmp_path: Path) -> None:
    repository = hugging_face(tmp_path / "raw")

    manifest = import_dataset(repository, tmp_path / "out")

    assert (manifest.x.kind, manifest.x.shape) == ("image", (3, 8, 10))
    assert manifest.y.classes == ("ant", "bee")
    assert manifest.table is not None
    assert manifest.table.column == "img"
    x, y = read_split(tmp_path / "out", "train")
    assert y.tolist() == [1, 0, 1]
    pixels = np.asarray(Image.open(io.BytesIO(picture(2))))
    np.testing.assert_array_equal(x[2].transpose(1, 2, 0), pixels)
    assert manifest.splits["test"].num_samples == 1


def test_folders_named_as_splits_hold_the_splits(tmp_path: Path) -> None:
    raw = hugging_face(tmp_path / "raw") / "data"
    for split in ("train", "test"):
        (tmp_path / "new" / "default" / split).mkdir(parents=True)
        (raw / f"{split}-00000-of-00001.parquet").rename(
            tmp_path / "new" / "default" / split / "0000.parquet"
        )

    manifest = import_dataset(tmp_path / "new", tmp_path / "out")

    assert {name: split.num_samples for name, split in manifest.splits.items()} == {
        "train": 3,
        "test": 1,
    }
    for name in ("b", "a"):
        (tmp_path / "two" / name / "train").mkdir(parents=True)
        pq.write_table(pa.table({"y": [1.5]}), tmp_path / "two" / name / "train" / "0.parquet")
    with pytest.raises(DataError, match="several folders of Parquet files, a, b; import one of"):
        import_dataset(tmp_path / "two", tmp_path / "out2")
