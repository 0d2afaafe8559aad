"""A contact sheet: some images of every class on one page."""

import os
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from distnet.data.column import Array, Columns
from distnet.data.column import num_samples as count_samples
from distnet.data.fields.boxes import BoxesField
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.field import Field
from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError
from distnet.spec.plural import counted
from distnet.spec.printable import printable

COLUMNS = 10
MOST_ROWS = 20
TILE = 128
GAP = 6
MARGIN = 24
TITLE = 52
CAPTION = 18
MOST_NAME_WIDTH = 180
MISSING = "\U0010ffff"
"""A character that no font has."""
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
PAPER, INK, PALE, RED = "#ffffff", "#1f2933", "#7b8794", "#d64545"


def draw_contact_sheet(folder: Path, manifest: Manifest, file: Path, *, split: str) -> None:
    """Draw ten images of each class (of the first 20), or 100 images with their captions.

    Raises:
        DataError: no field is visible, a shard is damaged, or `file` cannot be written.
    """
    visible = [name for name, field in manifest.fields.items() if field.is_visible]
    if not visible:
        kinds = ", ".join(field.kind for field in manifest.fields.values())
        raise DataError(
            f"{folder}: found fields of the kinds {kinds}, none of which is an image; "
            "leave out --picture"
        )
    reader = ShardReader(folder, manifest, split)
    pictures = Pictures(manifest, visible[0])
    classes = [n for n, field in manifest.fields.items() if isinstance(field, ClassField)]
    subtitle = _about_images(pictures.field, manifest.split(split).num_samples)
    if classes:
        sheet = _draw_classes(reader, pictures, classes[0])
        subtitle += _about_classes(manifest.fields[classes[0]])
    else:
        sheet = _draw_grid(reader, pictures)
    _draw_title(sheet, f"{manifest.name}, {split}", subtitle)
    _save(sheet, file)


class Pictures:
    """Draws samples: their image, the boxes on it, and a caption of the other fields."""

    def __init__(self, manifest: Manifest, name: str) -> None:
        self.name, self.field = name, manifest.fields[name]
        self._fields = manifest.fields

    def tile(self, columns: Columns, index: int) -> Image.Image:
        """One sample as a square."""
        pixels = self.field.thumbnail(columns[self.name][index])
        picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
        # Enlarged by whole numbers: each pixel stays a sharp square.
        scale = TILE // max(picture.size) or TILE / max(picture.size)
        method = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.LANCZOS
        size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
        resized = picture.resize(size, method)
        for name, field in self._fields.items():
            if isinstance(field, BoxesField):
                _draw_boxes(resized, columns[name][index][:, :4] * scale)
        tile = Image.new("RGB", (TILE, TILE), PAPER)
        tile.paste(resized, ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
        return tile

    def caption(self, columns: Columns, index: int) -> str:
        """The caption of one sample: its fields besides the image."""
        captions = (field.caption(columns[n][index]) for n, field in self._fields.items())
        return ", ".join(caption for caption in captions if caption)


def _draw_classes(reader: ShardReader, pictures: Pictures, name: str) -> Image.Image:
    classes = reader.fields[name].classes[:MOST_ROWS]
    rows = _tiles_by_class(reader, pictures, name, len(classes))
    font = _font(15)
    names = [_shortened(_drawable(name, font), font, MOST_NAME_WIDTH) for name in classes]
    left = MARGIN + int(max(map(font.getlength, names))) + 2 * GAP
    sheet = _blank(left, len(rows), TILE + GAP)
    draw = ImageDraw.Draw(sheet)
    for number, (text, tiles) in enumerate(zip(names, rows, strict=True)):
        top = MARGIN + TITLE + number * (TILE + GAP)
        draw.text((left - 2 * GAP, top + TILE / 2), text, INK, font, anchor="rm")
        for column, tile in enumerate(tiles):
            sheet.paste(tile, (left + column * (TILE + GAP), top))
    return sheet


def _tiles_by_class(
    reader: ShardReader, pictures: Pictures, name: str, num_classes: int
) -> list[list[Image.Image]]:
    rows: list[list[Image.Image]] = [[] for _ in range(num_classes)]
    for group in range(len(reader.groups)):
        columns = reader.read_group(group)
        for label, row in enumerate(rows):
            found = np.flatnonzero(columns[name] == label)[: COLUMNS - len(row)]
            row.extend(pictures.tile(columns, int(index)) for index in found)
        if all(len(row) == COLUMNS for row in rows):
            break
    return rows


def _draw_grid(reader: ShardReader, pictures: Pictures) -> Image.Image:
    columns, font = reader.read_group(0), _font(12)
    num = min(count_samples(columns), COLUMNS * COLUMNS)
    sheet = _blank(MARGIN, -(-num // COLUMNS), TILE + CAPTION + GAP)
    draw = ImageDraw.Draw(sheet)
    for index in range(num):
        row, column = divmod(index, COLUMNS)
        left = MARGIN + column * (TILE + GAP)
        top = MARGIN + TITLE + row * (TILE + CAPTION + GAP)
        sheet.paste(pictures.tile(columns, index), (left, top))
        caption = _shortened(_drawable(pictures.caption(columns, index), font), font, TILE)
        draw.text((left + TILE / 2, top + TILE + 2), caption, INK, font, anchor="mt")
    return sheet


def _draw_boxes(picture: Image.Image, corners: Array) -> None:
    draw = ImageDraw.Draw(picture)
    for left, top, right, bottom in corners.tolist():
        draw.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=RED)


def _blank(left: int, num_rows: int, row_height: int) -> Image.Image:
    width = left + COLUMNS * (TILE + GAP) - GAP + MARGIN
    return Image.new("RGB", (width, 2 * MARGIN + TITLE + num_rows * row_height - GAP), PAPER)


def _draw_title(sheet: Image.Image, title: str, subtitle: str) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(20), anchor="lt")
    draw.text((MARGIN, MARGIN + 26), subtitle, PALE, _font(13), anchor="lt")


def _about_images(field: Field, num_samples: int) -> str:
    text = counted(num_samples, "recording" if field.kind == "audio" else field.kind)
    if field.kind == "image":
        text = counted(num_samples, f"{'grey' if field.shape[0] == 1 else 'colour'} image")
    is_one_size = len(field.shape) > 1
    return text + (f" of {field.shape[-1]} x {field.shape[-2]} pixels" if is_one_size else "")


def _about_classes(field: Field) -> str:
    num_classes = len(field.classes)
    shown = f", the first {MOST_ROWS} shown" if num_classes > MOST_ROWS else ""
    return f", {counted(num_classes, 'class', 'classes')}{shown}"


def _drawable(name: str, font: Font) -> str:
    """The name with escapes for what the font lacks, so that different names look different."""
    missing = _shape_of(MISSING, font)
    return "".join(
        letter.encode("unicode_escape").decode() if _shape_of(letter, font) == missing else letter
        for letter in printable(name)
    )


def _shape_of(letter: str, font: Font) -> tuple[tuple[int, int], bytes]:
    mask = font.getmask(letter)
    return mask.size, bytes(mask)


def _shortened(name: str, font: Font, most_width: int) -> str:
    if font.getlength(name) <= most_width:
        return name
    while name and font.getlength(name + "...") > most_width:
        name = name[:-1]
    return name + "..."


def _font(size: int) -> Font:
    return ImageFont.load_default(size)


def _save(sheet: Image.Image, file: Path) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        sheet.save(temporary, "PNG", optimize=True)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"{file}: cannot be written: {error.strerror or error}") from None
