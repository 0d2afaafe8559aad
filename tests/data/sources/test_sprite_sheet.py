"""Sprite sheets: what is cut out of them, and what is wrong with index and sheet."""

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from distnet.data.fields.tokens import TokensField
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest, read_manifest
from distnet.data.shards import ShardReader
from distnet.data.sources.source import detect_kinds
from distnet.data.verify import verify_dataset
from distnet.errors import DataError
from tests.needs import real_data

SIZE, GAP, COLUMNS, ROWS = 6, 2, 3, 2
PITCH = SIZE + 2 * GAP
Entry = dict[str, Any]


def colour(column: int, row: int) -> tuple[int, int, int]:
    return 40 * column + 10, 90 * row + 20, 30


def entries() -> list[Entry]:
    """One for each cell, row by row."""
    return [
        {
            "sheet_x": column,
            "sheet_y": row,
            "name": f"THING {column} OF {row}",
            "short_name": f"thing{column}{row}",
            "category": ["red", "green"][row],
            "group": f"g{column}",
        }
        for row in range(ROWS)
        for column in range(COLUMNS)
    ]


def write(folder: Path, index: Any = None, *, sheet: str = "img/sheet.png") -> Path:
    """A transparent sheet whose cells are filled but for their gaps and left columns."""
    pixels = np.zeros((ROWS * PITCH, COLUMNS * PITCH, 4), np.uint8)
    for row in range(ROWS):
        for column in range(COLUMNS):
            top, left = row * PITCH + GAP, column * PITCH + GAP
            cell = pixels[top : top + SIZE, left + 1 : left + SIZE]
            cell[:] = (*colour(column, row), 255)
    file = folder / sheet
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    text = index if isinstance(index, str) else json.dumps(entries() if index is None else index)
    (folder / "things.json").write_text(text)
    return folder


def imported(source: Path, **options: Any) -> Manifest:
    out = source.parent / "out"
    options = {"gap": GAP, "sprite_size": SIZE} | options
    manifest = import_dataset(
        source, out, kind="sprite-sheet", test_fraction=0, options=options, force=True
    )
    assert verify_dataset(out) == []
    return manifest


def rows(source: Path, manifest: Manifest) -> dict[str, Any]:
    return ShardReader(source.parent / "out", manifest, "train").read_all()


def expected(column: int, row: int) -> np.ndarray:
    """The sprite of a cell: transparent parts are white."""
    image = np.full((3, SIZE, SIZE), 255, np.uint8)
    image[:, :, 1:] = np.array(colour(column, row))[:, None, None]
    return image


@pytest.mark.parametrize("given", [SIZE, None], ids=["given", "guessed"])
def test_each_entry_is_a_sample_with_image_class_and_name(
    given: int | None, tmp_path: Path
) -> None:
    folder = write(tmp_path / "raw")

    manifest = imported(folder, sprite_size=given)

    assert detect_kinds(folder)[0] == "sprite-sheet"
    found = rows(folder, manifest)
    for index, entry in enumerate(entries()):
        image = expected(entry["sheet_x"], entry["sheet_y"])
        np.testing.assert_array_equal(found["x"][index], image)
    assert manifest.y.classes == ("green", "red")
    assert found["y"].tolist() == [1, 1, 1, 0, 0, 0]
    text = manifest.fields["text"]
    assert isinstance(text, TokensField)
    known = [text.decode(np.asarray(found["text"][index])) for index in range(6)]
    assert known[1] == "thing 1 of 0"


def test_other_keys_and_an_index_alone_are_read_as_well(tmp_path: Path) -> None:
    folder = write(tmp_path / "raw")
    (folder / "other.json").write_text("{}")

    by_file = imported(folder / "things.json", target=("group",), text="short_name")

    assert by_file.y.classes == ("g0", "g1", "g2")
    other = write(tmp_path / "two", sheet="b.png")
    Image.new("RGB", (5, 5)).save(other / "a.png")
    with pytest.raises(
        DataError, match=r"two: found a.png, b.png, expected the one sheet.*--sheet"
    ):
        imported(other)
    assert imported(other, sheet="b.png").splits["train"].num_samples == 6


def test_a_gap_of_0_is_set(tmp_path: Path) -> None:
    folder = write(tmp_path / "raw")

    manifest = imported(folder, gap=0, sprite_size=PITCH)

    assert manifest.x.shape == (3, PITCH, PITCH)
    inner = rows(folder, manifest)["x"][4][:, GAP:-GAP, GAP:-GAP]
    np.testing.assert_array_equal(inner, expected(1, 1))


def changed(index: int, **values: Any) -> list[Any]:
    """The entries, one of them other or without some keys."""
    found: list[Any] = entries()
    entry = {key: value for key, value in (found[index] | values).items() if value is not ...}
    return [*found[:index], entry, *found[index + 1 :]]


FAULTS: dict[str, tuple[list[Any], int, str]] = {
    "outside": (
        changed(5, sheet_x=3),
        5,
        r"column 3, row 1\) ends at pixel 38, 18, outside of the",
    ),
    "no column": (changed(2, sheet_x=...), 2, "found nothing as sheet_x"),
    "a wrong row": (changed(2, sheet_y="1"), 2, 'found "1" as sheet_y'),
    "negative": (changed(2, sheet_y=-1), 2, "found -1 as sheet_y"),
    "no name": (changed(1, name=...), 1, "found nothing as name"),
    "an empty name": (changed(1, name=" "), 1, 'found " " as name'),
    "no category": (changed(4, category=None), 4, "found null as category"),
    "two in a cell": (changed(4, sheet_x=0), 4, "its cell is that of sprite 3: column 0, row 1"),
    "no object": ([*entries()[:3], 7, *entries()[4:]], 3, "found 7, expected an object"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_sprite_is_named_or_left_out_and_counted(fault: str, tmp_path: Path) -> None:
    index, number, message = FAULTS[fault]
    folder = write(tmp_path / "raw", index)

    with pytest.raises(
        DataError, match=rf"things.json: sprite {number} \(.*{message}(.|\n)*--skip-unreadable"
    ):
        imported(folder)
    manifest = imported(folder, skip_unreadable=True)

    assert manifest.splits["train"].num_samples == 5
    assert manifest.import_summary is not None
    (left_out,) = manifest.import_summary.left_out
    assert (left_out.what, left_out.count) == ("sprites", 1)


def test_a_cell_without_anything_in_it_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "raw")
    sheet = Image.open(folder / "img" / "sheet.png")
    sheet.paste((9, 9, 9, 0), (PITCH, 0, 2 * PITCH, PITCH))
    sheet.save(folder / "img" / "sheet.png")

    with pytest.raises(DataError, match=r"sprite 1 .*column 1, row 0\) is wholly transparent"):
        imported(folder)


@pytest.mark.parametrize(
    ("index", "options", "message"),
    [
        ('[{"sheet_x": 0,', {}, r"things.json:1: not JSON: .*line 1 column"),
        ('[{"sheet_x":' + "[" * 100_000, {}, "not JSON that can be read: it is nested too"),
        (changed(1, name="\ud800"), {}, r"sprite 1 .* as name, which has half of a surrogate"),
        ({"a": 1}, {}, r"raw: found none, expected one index of sprites"),
        (None, {"sheet": "no.png"}, r"raw/no.png: no such file; give the sheet with --sheet"),
        (None, {"sprite_size": 0}, "--sprite-size: found 0 pixels with gaps of 2"),
        (None, {"gap": -1}, "--sprite-size: found 6 pixels with gaps of -1"),
        (None, {"target": ("a", "b")}, "--target: found a, b, expected one key"),
        (changed(1, sheet_x=6), {"sprite_size": None}, r"7 x 2 square cells do not.*sprite 1 \("),
    ],
    ids=str,
)
def test_a_wrong_index_or_option_is_named(
    index: Any, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        imported(write(tmp_path / "raw", index), **options)


def test_a_sheet_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "raw")
    (folder / "img" / "sheet.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"sheet.png: cannot be read as an image"):
        imported(folder)

    (folder / "img" / "sheet.png").unlink()
    with pytest.raises(DataError, match=r"raw: found no image, expected the one sheet"):
        imported(folder)


def test_emoji_are_found_where_their_index_says(tmp_path: Path) -> None:
    raw = tmp_path / "emoji"
    with tarfile.open(real_data("emoji.tar.xz")) as archive:
        archive.extractall(raw, filter="data")

    import_dataset(raw, tmp_path / "out", test_fraction=0)

    manifest = read_manifest(tmp_path / "out")
    assert manifest.splits["train"].num_samples == 1911
    assert len(manifest.y.classes) == 10
    index = json.loads((raw / "emoji.json").read_text())
    number = next(i for i, entry in enumerate(index) if entry["short_name"] == "grinning")
    columns = ShardReader(tmp_path / "out", manifest, "train").read_all()
    x, text = columns["x"], manifest.fields["text"]
    assert isinstance(text, TokensField)
    assert text.decode(np.asarray(columns["text"][number])) == "grinning face"
    with Image.open(raw / "img" / "google" / "sheets" / "32.png") as image:
        left, top = (34 * index[number][key] + 1 for key in ("sheet_x", "sheet_y"))
        cell = image.convert("RGBA").crop((left, top, left + 32, top + 32))
    alpha = np.asarray(cell)[..., 3:] / 255
    on_white = np.asarray(cell)[..., :3] * alpha + 255 * (1 - alpha)
    found = np.asarray(x[number]).transpose(1, 2, 0)
    assert np.abs(found - on_white).max() <= 1
