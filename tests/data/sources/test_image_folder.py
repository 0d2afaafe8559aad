import io
import os
import struct
import sys
import warnings
import zlib
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from distnet.data.images import formats as image_formats
from distnet.data.importing import import_dataset
from distnet.data.manifest import Manifest
from distnet.data.survey.summary import Finding
from distnet.errors import DataError
from tests.data.raw_files import image_folder, picture, read_split


def found(manifest: Manifest, section: str) -> list[tuple[int, str, str]]:
    """Count, what and value or reason of the findings of a section."""
    assert manifest.import_summary is not None
    rows: tuple[Finding, ...] = getattr(manifest.import_summary, section)
    return [(row.count, row.what, row.value or row.why) for row in rows]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def test_import_keeps_pixels_and_order_when_nothing_is_resized(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"s10": 2, "s2": 3})
    image_folder(tmp_path / "raw" / "test", {"s10": 1, "s2": 1})
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert manifest.y.classes == ("s2", "s10")
    assert manifest.x.shape == (3, 8, 10)
    x, y = read_split(tmp_path / "out", "train")
    assert y.tolist() == [0, 0, 0, 1, 1]
    for image, name in zip(x, ["s2/0", "s2/1", "s2/2", "s10/0", "s10/1"], strict=True):
        pixels = np.asarray(Image.open(tmp_path / "raw" / "train" / f"{name}.png"))
        np.testing.assert_array_equal(image.transpose(1, 2, 0), pixels)


def test_folder_without_splits_is_cut_by_a_hash(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 40, "b": 40})
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0.5)
    assert 20 < manifest.splits["test"].num_samples < 60


def test_other_files_are_left_out_and_counted_by_reason(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 20, "b": 20})
    (raw / "readme.txt").write_text("about")
    (raw / "loose.png").write_bytes(picture(99))
    (raw / "a" / "Thumbs.db").write_bytes(b"x")
    (raw / "a" / "._0.png").write_bytes(b"x")
    (raw / "a" / "photo").write_bytes(picture(98))
    (raw / "b" / "0.cr2").write_bytes(b"x")
    (raw / "b" / "1.CR2").write_bytes(b"x")
    (raw / "b" / "gone.png").symlink_to("nowhere.png")
    (raw / "b" / "again").symlink_to(raw)
    (raw / ".cache").mkdir()
    (raw / "__MACOSX").mkdir()
    manifest = import_dataset(raw, tmp_path / "out")

    assert sum(split.num_samples for split in manifest.splits.values()) == 40
    assert Counter({what: count for count, what, _ in found(manifest, "left_out")}) == {
        "files that end in .txt": 1,
        "images": 1,
        "files and folders of the operating system": 2,
        "hidden files": 1,
        "files without a suffix": 1,
        "files that end in .cr2": 2,
        "links": 1,
        "links to folders": 1,
        "hidden folders": 1,
    }


def test_pictures_of_all_formats_and_depths_are_read(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    for name, kind in (("0.jfif", "JPEG"), ("0.JPG", "JPEG"), ("0.webp", "WEBP"), ("0.jp2", None)):
        image = Image.open(io.BytesIO(picture(7)))
        (raw / "a" / name).write_bytes(encoded(image, kind or "JPEG2000"))
    (raw / "b" / "day1" / "left").mkdir(parents=True)
    (raw / "b" / "day1" / "left" / "0.png").write_bytes(picture(8))
    (raw / "b" / "day1" / "1.png").write_bytes(picture(9))
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert manifest.y.class_counts == {"train": (5, 3)}
    assert (2, "images in deeper folders", "read with their class") in found(manifest, "guessed")


@pytest.mark.skipif(not image_formats.features.check("avif"), reason="Pillow without AVIF")
def test_avif_is_read(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    (raw / "a" / "1.avif").write_bytes(encoded(Image.new("RGB", (10, 8), "red"), "AVIF"))
    import_dataset(raw, tmp_path / "out", test_fraction=0)

    red, green, blue = read_split(tmp_path / "out", "train")[0][1]
    assert red.min() > 240
    assert max(green.max(), blue.max()) < 15


HEIC_HEAD = b"\0\0\0\x18ftypheic" + bytes(40)


def test_heic_without_its_package_is_counted_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_formats, "find_spec", lambda name: None)
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 3})
    (raw / "a" / "phone.heic").write_bytes(HEIC_HEAD)
    (raw / "a" / "renamed.jpg").write_bytes(HEIC_HEAD)
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert manifest.y.class_counts == {"train": (3, 3)}
    assert manifest.import_summary is not None
    (row,) = manifest.import_summary.left_out
    assert (row.count, row.example) == (2, "a/phone.heic")
    assert row.option == "pip install 'distnet[heic]'"

    for file in (raw / "b").glob("*.png"):
        file.unlink()
    (raw / "b" / "phone.heic").write_bytes(HEIC_HEAD)
    with pytest.raises(DataError, match=r"raw/b: no images of this class(.|\n)*distnet\[heic\]"):
        import_dataset(raw, tmp_path / "out", force=True)


def test_heic_is_read_with_its_package(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    image = Image.new("RGB", (10, 8), "red")
    (raw / "a" / "1.heic").write_bytes(encoded(image, "HEIF", quality=-1))
    import_dataset(raw, tmp_path / "out", test_fraction=0)

    red, green, blue = read_split(tmp_path / "out", "train")[0][1]
    assert red.min() > 240
    assert max(green.max(), blue.max()) < 15


@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("1", 1), ("RGB", 3), ("P", 3)])
def test_colours_follow_the_images(tmp_path: Path, mode: str, channels: int) -> None:
    image_folder(tmp_path / "raw", {"a": 1, "b": 1}, mode=mode if mode != "P" else "RGB")
    if mode == "P":
        for file in (tmp_path / "raw").glob("*/*.png"):
            Image.open(file).quantize(8).save(file)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)
    assert manifest.x.shape == (channels, 8, 10)


def test_colours_can_be_chosen(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    options = {"colours": "grey", "size": (4, 5)}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "o", test_fraction=0, options=options)
    assert manifest.x.shape == (1, 4, 5)


def test_resize_cuts_out_the_middle(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    wide = Image.new("RGB", (30, 10), "red")
    wide.paste("blue", (10, 0, 20, 10))
    wide.save(raw / "a" / "0.png")
    import_dataset(raw, tmp_path / "out", test_fraction=0, options={"size": (10, 10)})
    x, _ = read_split(tmp_path / "out", "train")
    assert x[0, :, 5, 5].tolist() == [0, 0, 255]
    assert x[0, 0, :, 2:8].max() == 0  # nothing red


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    Image.new("RGBA", (10, 8), (0, 0, 0, 0)).save(raw / "a" / "0.png")
    import_dataset(raw, tmp_path / "out", test_fraction=0)
    assert read_split(tmp_path / "out", "train")[0][0].min() == 255


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP", "MPO"])
def test_photos_stand_upright(tmp_path: Path, kind: str) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1}, height=10, width=8)
    lying = Image.new("RGB", (10, 8), "black")
    lying.paste("white", (0, 0, 10, 4))
    exif = Image.Exif()
    exif[0x0112] = 6
    options: dict[str, Any] = {"MPO": {"quality": 100}, "WEBP": {"lossless": True}}
    lying.save(raw / "a" / "0.png", kind, exif=exif, **options.get(kind, {}))
    import_dataset(raw, tmp_path / "out", test_fraction=0)
    image = read_split(tmp_path / "out", "train")[0][0]
    assert image.shape == (3, 10, 8)
    assert (image[0, 5] > 127).tolist() == [False] * 4 + [True] * 4


def test_import_lists_the_sizes_when_they_differ(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 1})
    (raw / "b" / "odd.png").write_bytes(picture(9, height=20))
    with pytest.raises(DataError, match=r"8x10: 4 images(.|\n)*20x10: 1 .*odd.png(.|\n)*--size"):
        import_dataset(raw, tmp_path / "out")


def test_palette_with_an_alpha_channel_is_laid_on_white(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    header = struct.pack("<BBBHHBHHHHBB", 0, 1, 1, 0, 1, 32, 0, 0, 10, 8, 8, 0x28)
    (raw / "a" / "0.tga").write_bytes(header + bytes([9, 9, 9, 0]) + bytes(80))
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert (1, "images", "laid on white") in found(manifest, "guessed")
    assert read_split(tmp_path / "out", "train")[0][1].min() == 255


OTHER_CONTENT = {
    b"": "it is empty",
    b"<!DOCTYPE html>\n<html>": "it is a text that begins with '<!DOCTYPE html>'",
    b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n": "it is a text that begins with '%!PS",
    b"PK\3\4" + bytes(40): "its content is of no known format",
    b"P6 20000 20000 255\n": "it has more than 178,956,970 pixels",
}


@pytest.mark.parametrize("content", OTHER_CONTENT)
def test_content_that_is_no_picture_is_described(tmp_path: Path, content: bytes) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    (raw / "a" / "photo.jpg").write_bytes(content)
    with pytest.raises(DataError) as caught:
        import_dataset(raw, tmp_path / "out")
    assert OTHER_CONTENT[content] in str(caught.value)


def test_images_damaged_in_any_part_of_any_split_are_listed_together(tmp_path: Path) -> None:
    for seed, split in enumerate(("test", "train")):
        raw = image_folder(tmp_path / "raw" / split, {"a": 70, "b": 2}, first_seed=100 * seed)
        for name in ("a/0", "a/69"):
            (raw / f"{name}.png").write_bytes((raw / f"{name}.png").read_bytes()[:-30])
    with pytest.raises(DataError) as caught:
        import_dataset(tmp_path / "raw", tmp_path / "out")

    lines = str(caught.value).splitlines()
    files = [Path(line.partition(":")[0]).relative_to(tmp_path / "raw") for line in lines[:-1]]
    assert list(map(str, files)) == [f"{s}/a/{n}.png" for s in ("test", "train") for n in (0, 69)]


def test_folder_that_cannot_be_read_is_named_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 2, "b": 2, "b/locked": 2})
    scan = os.scandir

    def refuse(path: Path) -> Any:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError, match=r"b/locked: the folder cannot be read \(Permission denied"):
        import_dataset(raw, tmp_path / "out")
    options = {"skip_unreadable": True}
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0, options=options)
    assert (1, "folders", "the folder cannot be read (Permission denied)") in found(
        manifest, "left_out"
    )


def test_folders_may_lie_deeper_than_functions_may_call_one_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    monkeypatch.chdir(raw / "a")
    depth = sys.getrecursionlimit() + 10
    for _ in range(depth):
        os.mkdir("d")
        os.chdir("d")
    Path("0.png").write_bytes(picture(7))
    try:
        manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)
    finally:  # pytest itself could not remove them
        os.unlink("0.png")
        for _ in range(depth):
            os.chdir("..")
            os.rmdir("d")
    assert manifest.y.class_counts == {"train": (2, 1)}


def test_warnings_of_others_are_shown_after_an_import(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 80, "b": 80})
    import_dataset(raw, tmp_path / "out")
    with pytest.warns(UserWarning, match="mine"):
        warnings.warn("mine", UserWarning, stacklevel=1)


BROKEN = [b"", b"not an image", picture(1)[:150], picture(1, kind="GIF", mode="P")[:60]]


def test_images_that_cannot_be_read_are_all_named(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 1})
    for index, content in enumerate(BROKEN[:2]):
        (raw / "b" / f"bad{index}.png").write_bytes(content)
    with pytest.raises(DataError) as caught:
        import_dataset(raw, tmp_path / "out")

    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0].rsplit("/", 1)[1] for line in lines[:2]] == ["bad0.png", "bad1.png"]
    assert lines[2] == "or leave them out: --skip-unreadable"


@pytest.mark.parametrize("content", BROKEN)
def test_image_that_cannot_be_read_is_named_or_left_out(tmp_path: Path, content: bytes) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 3, "b": 1})
    (raw / "b" / "bad.png").write_bytes(content)
    with pytest.raises(DataError, match=r"bad\.png: cannot be read as an image"):
        import_dataset(raw, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["raw"]

    options = {"skip_unreadable": True}
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0, options=options)
    assert manifest.y.class_counts == {"train": (3, 1)}
    ((count, what, why),) = found(manifest, "left_out")
    assert (count, what) == (1, "images")
    assert why.startswith("cannot be read as an image (")


def test_what_decoding_changes_is_said(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    image = Image.new("RGB", (10, 8), "red")
    exif = Image.Exif()
    exif[0x0112] = 3
    frames = [Image.new("RGB", (10, 8), colour) for colour in ("red", "blue")]
    glass = image.convert("P")
    wide = np.full((8, 10, 3), 0x1234, ">u2")
    files = {
        "turned.jpg": encoded(image, "JPEG", exif=exif),
        "moving.gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]),
        "print.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "glass.png": encoded(glass, "PNG", transparency=glass.getpixel((0, 0))),
        "deep.png": png_of_16_bits(wide),
        "lab.jpg": encoded(image, "JPEG", icc_profile=profile("LAB")),
        "web.jpg": encoded(image, "JPEG", icc_profile=profile("sRGB")),
    }
    for name, content in files.items():
        (raw / "a" / name).write_bytes(content)
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert {why: count for count, what, why in found(manifest, "guessed") if what == "images"} == {
        "turned upright": 1,
        "only the first frame is read": 1,
        "converted to RGB": 1,
        "read without their colour profile": 1,
        "laid on white": 1,
        "reduced to 8 bits a channel": 1,
    }
    x = dict(zip(sorted(["0.png", *files]), read_split(tmp_path / "out", "train")[0], strict=False))
    assert (x["deep.png"] == 0x12).all()
    assert (x["glass.png"] == 255).all()
    assert x["moving.gif"][:, 0, 0].tolist() == [255, 0, 0]


def profile(name: str) -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile(name)).tobytes()


def png_of_16_bits(pixels: np.ndarray) -> bytes:
    """A PNG of RGB pixels [height, width, 3] of 16 bits, which Pillow does not write."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def deep_images(folder: Path, suffix: str, *, white: int = 65535) -> Path:
    """Two classes of grey images with 16 bits, which grow from black to white."""
    for name in "ab":
        (folder / name).mkdir(parents=True)
        values = np.linspace(0, white, 80).astype(np.uint16).reshape(8, 10)
        Image.fromarray(values).save(folder / name / f"0{suffix}")
    return folder


@pytest.mark.parametrize("suffix", [".png", ".tif", ".pgm"])
def test_grey_images_of_16_bits_keep_their_scale(suffix: str, tmp_path: Path) -> None:
    raw = deep_images(tmp_path / "raw", suffix)

    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert manifest.x.shape == (1, 8, 10)
    x, _ = read_split(tmp_path / "out", "train")
    assert x[0].ravel() == pytest.approx(np.linspace(0, 255, 80), abs=0.51)
    guesses = {why: count for count, what, why in found(manifest, "guessed") if what == "images"}
    assert guesses == {"reduced to 8 bits a channel": 2}


@pytest.mark.parametrize(
    ("white", "left", "factor"), [(1023, 4, 64), (4095, 16, 16), (0, 1, 65535)]
)
def test_values_of_fewer_bits_in_files_of_16_are_refused(
    white: int, left: int, factor: int, tmp_path: Path
) -> None:
    raw = deep_images(tmp_path / "raw", ".tif", white=white)

    greys = f"{left} grey{'s' if left > 1 else ''} of 256 would be left"
    with pytest.raises(DataError, match=rf"{greys}; multiply .* such as {factor}$"):
        import_dataset(raw, tmp_path / "out")


def test_import_refuses_images_of_32_bits(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1})
    Image.fromarray(np.zeros((8, 10), np.float32)).save(raw / "a" / "0.tif")
    with pytest.raises(DataError, match=r"a/0\.tif: more than 16 bits a channel \(mode F\)"):
        import_dataset(raw, tmp_path / "out")


def test_import_refuses_a_class_without_images(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", {"a": 1, "b": 1, "c": 0})
    with pytest.raises(DataError, match="raw/c: no images of this class"):
        import_dataset(raw, tmp_path / "out")


def test_import_refuses_a_test_class_that_is_not_trained(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"a": 1, "b": 1})
    image_folder(tmp_path / "raw" / "test", {"a": 1, "bb": 1})
    with pytest.raises(DataError, match="train/bb: no images of this class"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_class_whose_folders_differ_in_case_is_named(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "train", {"Cat": 1, "dog": 1})
    image_folder(tmp_path / "raw" / "test", {"cat": 1, "dog": 1})
    with pytest.raises(DataError, match="train/cat: no images.*'Cat' differs only in case"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


def test_import_refuses_one_folder_around_the_classes(tmp_path: Path) -> None:
    image_folder(tmp_path / "raw" / "all", {"a": 1, "b": 1})
    with pytest.raises(DataError, match="found 1 class folder, expected at least two"):
        import_dataset(tmp_path / "raw", tmp_path / "out")


DIGITS = ["\u0663", "\u0628", "3", "\u00b2", "7" * 200, "07" * 99, "x\u0663y", "x3y"]


def test_class_names_may_be_digits_of_any_script(tmp_path: Path) -> None:
    raw = image_folder(tmp_path / "raw", dict.fromkeys(DIGITS, 1))
    manifest = import_dataset(raw, tmp_path / "out", test_fraction=0)

    assert sorted(manifest.y.classes) == sorted(DIGITS)
    assert manifest.y.class_counts == {"train": (1,) * len(DIGITS)}


def test_class_names_that_are_composed_differently_are_one_class(tmp_path: Path) -> None:
    names = [normalize(form, "caf\u00e9") for form in ("NFC", "NFD")]
    image_folder(tmp_path / "raw" / "train", {names[0]: 2, "bar": 2})
    image_folder(tmp_path / "raw" / "test", {names[1]: 1, "bar": 1}, first_seed=50)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")

    assert manifest.y.classes == ("bar", names[0])
    value = "read in Unicode's composed form"
    assert (1, "names of class folders", value) in found(manifest, "guessed")


TWO_AND_ONE = {"train": 2, "test": 1}
LAYOUTS = {
    "other names": (["Training/a", "Training/b", "Testing set/a"], TWO_AND_ONE),
    "folders beside": (["train/a", "train/b", "test/a", "notes/c"], TWO_AND_ONE),
    "loose beside": (["train/a", "train/b", "more"], {"train": 2}),
    "unlabelled test": (["train/a", "train/b", "test"], {"train": 2}),
    "beside a test": (
        ["train/a", "train/b", "test/a", "night/b"],
        {"train": 2, "test": 1, "night": 1},
    ),
    "last word": (["faces_train/a", "faces_train/b", "faces_test/a"], TWO_AND_ONE),
    "in one word": (["trainset/a", "trainset/b", "testset/a"], TWO_AND_ONE),
    "in capitals": (["TrainingData/a", "TrainingData/b", "TESTData/a"], TWO_AND_ONE),
    "as in Pascal VOC": (["trainval/a", "trainval/b", "test/a"], TWO_AND_ONE),
    "in themselves": (
        ["seg_train/seg_train/a", "seg_train/seg_train/b", "seg_test/seg_test/a", "seg_pred/x"],
        TWO_AND_ONE,
    ),
    "part of train": (
        ["train/a", "train/b", "train_more/a", "test/b"],
        {"train": 2, "train_more": 1, "test": 1},
    ),
    "two tests": (
        ["train/a", "train/b", "test/a", "test-2/b"],
        {"train": 2, "test": 1, "test-2": 1},
    ),
    "classes first": (["a/train", "b/train", "a/test"], TWO_AND_ONE),
    "classes first, other names": (["a/Training", "b/Training", "a/Testing"], TWO_AND_ONE),
    "train of rails": (["car", "train", "train/night"], {"train": 3}),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_folders_become_splits_and_classes(tmp_path: Path, layout: str) -> None:
    folders, expected = LAYOUTS[layout]
    for seed, folder in enumerate(folders):
        image_folder(tmp_path / "raw", {folder: 1}, first_seed=seed)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)

    assert {name: split.num_samples for name, split in manifest.splits.items()} == expected
    num_left_out = sum(c for c, what, _ in found(manifest, "left_out") if what == "images")
    assert sum(expected.values()) + num_left_out == len(folders)


UNCLEAR = {
    "no classes": (["train", "test"], "images in test/ and train/, but no class folders there"),
    "parts of train": (["train1/a", "train2/a", "train2/b"], "several folders for training"),
    "train twice": (["Train/a", "Train/b", "TRAIN/a"], "several folders for training"),
    "kinds of trains": (
        ["car/day", "car/night", "train/day"],
        "train/ and car/, both with folders",
    ),
    "some classes first": (["a/train", "a/test", "b"], "a/test/, which is named as a split is"),
    "one level deeper": (["x/y/train/a", "x/y/train/b", "x/y/test/a"], "so import .*raw/x/y$"),
    "other languages": (["Lerndaten/a", "Lerndaten/b", "Testdaten/a"], "no folder called train"),
    "no train": (["val/a", "val/b", "test/a"], "test/ and val/ with folders of the same names"),
    "class of test": (["Train/a", "Train/b", "Test/c"], "Train/c: no images.* some in test; add"),
}


@pytest.mark.parametrize("layout", UNCLEAR)
def test_folders_that_may_be_splits_or_classes_are_refused(tmp_path: Path, layout: str) -> None:
    folders, message = UNCLEAR[layout]
    for seed, folder in enumerate(folders):
        image_folder(tmp_path / "raw", {folder: 1}, first_seed=seed)
    with pytest.raises(DataError, match=message):
        import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)


def test_training_folders_that_are_not_used_are_a_warning(tmp_path: Path) -> None:
    for seed, folder in enumerate(("train/a", "train/b", "train_more/a", "test/b")):
        image_folder(tmp_path / "raw", {folder: 1}, first_seed=seed)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out")
    what, why = "samples for training that are not used", "only the split train is"
    assert (1, what, why) in found(manifest, "warnings")


def test_folders_of_the_same_name_in_classes_are_a_warning(tmp_path: Path) -> None:
    for seed, folder in enumerate(("oak/a", "oak/b", "ash/a", "ash/b")):
        image_folder(tmp_path / "raw", {folder: 1}, first_seed=seed)
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0)
    what = "folders of the same name in several classes"
    assert (2, what, "the first folder of a path names the class") in found(manifest, "warnings")


def test_layout_can_be_chosen(tmp_path: Path) -> None:
    for seed, folder in enumerate(("train/x", "train/y", "car/z")):
        image_folder(tmp_path / "raw", {folder: 1}, first_seed=seed)
    with pytest.raises(DataError, match="train/ and car/.*--layout classes|splits"):
        import_dataset(tmp_path / "raw", tmp_path / "out")

    options = {"layout": "classes"}
    manifest = import_dataset(tmp_path / "raw", tmp_path / "out", test_fraction=0, options=options)
    assert manifest.y.classes == ("car", "train")


PICTURES = st.lists(st.binary(min_size=12, max_size=12), min_size=1, max_size=4)
"""Files of 2 x 2 pixels."""
NAMES = st.text(
    st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/."),
    min_size=1,
    max_size=8,
).filter(lambda name: normalize("NFC", name) == name)


@settings(max_examples=15, derandomize=True)
@given(
    classes=st.dictionaries(NAMES, PICTURES, min_size=2, max_size=4),
    kind=st.sampled_from(["PNG", "BMP", "TIFF", "PPM"]),
    has_alpha=st.booleans(),
)
def test_what_comes_out_is_what_went_in(
    classes: dict[str, list[bytes]], kind: str, has_alpha: bool
) -> None:
    with TemporaryDirectory() as folder:
        raw, out = Path(folder, "raw"), Path(folder, "out")
        for name, pictures in classes.items():
            (raw / name).mkdir(parents=True)
            for index, pixels in enumerate(pictures):
                image = Image.frombytes("RGB", (2, 2), pixels)
                image = image.convert("RGBA") if has_alpha and kind == "PNG" else image
                image.save(raw / name / f"{index}.{kind.lower()}", kind)
        manifest = import_dataset(raw, out, test_fraction=0, options={"layout": "classes"})
        x, y = read_split(out, "train")

    came_out = Counter(
        (manifest.y.classes[label], image.transpose(1, 2, 0).tobytes())
        for image, label in zip(x, y, strict=True)
    )
    assert came_out == Counter((name, p) for name, pictures in classes.items() for p in pictures)
