"""Tables that name image files beside their labels."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from distnet.data.features.form import TableForm
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.errors import DataError
from distnet.trained.reading import Reading
from distnet.trained.table_images import table_images
from tests.data.raw_files import picture, read_split


def write_images(folder: Path, num: int = 4) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(num):
        (folder / f"{n}.png").write_bytes(picture(n))


def import_table(folder: Path, text: str, **options: Any) -> Manifest:
    (folder / "labels.csv").write_text(text)
    out = folder / "out"
    return import_dataset(folder / "labels.csv", out, test_fraction=0, options=options, force=True)


def test_images_are_found_beside_the_table_or_in_a_folder_there(tmp_path: Path) -> None:
    write_images(tmp_path / "photos")
    text = "file,taken,label\n2.png,may,bee\n0.png,june,ant\n1.png,may,bee\n"

    manifest = import_table(tmp_path, text)

    assert manifest.source == "image-table: labels.csv"
    assert (manifest.x.shape, manifest.y.classes) == ((3, 8, 10), ("ant", "bee"))
    assert manifest.table == TableForm(column="file")
    x, y = read_split(tmp_path / "out", "train")
    assert y.tolist() == [1, 0, 1]
    pixels = np.asarray(Image.open(tmp_path / "photos" / "2.png"))
    np.testing.assert_array_equal(x[0].transpose(1, 2, 0), pixels)
    assert manifest.import_summary is not None
    guessed = {row.what: row.value for row in manifest.import_summary.guessed}
    assert (guessed["column of images"], guessed["folder of images"]) == ("file", "photos")
    assert "'taken'" in [row.example for row in manifest.import_summary.left_out]
    short = "file,label\n0.png,a\n1.png,b\n"
    assert import_table(tmp_path, short, images="photos").y.classes == ("a", "b")


def test_numbers_may_be_learned_and_splits_have_tables(tmp_path: Path) -> None:
    write_images(tmp_path / "raw" / "img")
    (tmp_path / "raw" / "train.csv").write_text("img/0.png;1.5\nimg/1.png;2.25\nimg/3.png;3\n")
    (tmp_path / "raw" / "test.csv").write_text("img/2.png;0.5\n")

    options = {"header": "no", "target_kind": "number"}
    manifest = import_dataset(
        tmp_path / "raw", tmp_path / "out", kind="image-table", options=options
    )

    assert manifest.y.kind == "number"
    assert read_split(tmp_path / "out", "train")[1][:, 0].tolist() == [1.5, 2.25, 3]
    assert read_split(tmp_path / "out", "test")[1][:, 0].tolist() == [0.5]


def test_rows_whose_image_is_missing_are_named_or_left_out(tmp_path: Path) -> None:
    write_images(tmp_path)
    (tmp_path / "bad.png").write_bytes(b"no image")
    text = "file,label\n0.png,a\n9.png,b\n1.png,b\nbad.png,a\n2.png,a\n"

    with pytest.raises(DataError) as raised:
        import_table(tmp_path, text)
    assert "labels.csv:3 file: found" in str(raised.value)
    assert "9.png', but no such file; expected the name of an image" in str(raised.value)
    assert "bad.png: cannot be read as an image" in str(raised.value)
    manifest = import_table(tmp_path, text, skip_unreadable=True)
    assert manifest.splits["train"].num_samples == 3
    assert read_split(tmp_path / "out", "train")[1].tolist() == [0, 1, 0]
    with pytest.raises(DataError, match=r"labels.csv:2 file: found '0.png', but no such file in"):
        import_table(tmp_path, text, images="elsewhere")


def test_tables_to_predict_name_their_images_in_the_same_column(tmp_path: Path) -> None:
    write_images(tmp_path)
    names = ["1.png", "0.png"]
    (tmp_path / "new.csv").write_text("n|file\n" + "".join(f"7|{name}\n" for name in names))
    pq.write_table(pa.table({"file": names}), tmp_path / "new.parquet")
    form = TableForm(column="file")

    for file in ("new.csv", "new.parquet"):
        found = list(table_images(tmp_path / file, form, Reading()))
        assert found == [(tmp_path / name, None) for name in names]
    (tmp_path / "new.csv").write_text("file\n0.png\n5.png\n")
    with pytest.raises(DataError, match=r"new.csv:3 file: found no such image: .*5.png"):
        list(table_images(tmp_path / "new.csv", form, Reading()))
