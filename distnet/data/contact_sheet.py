"""A contact sheet: some images of every class on one page."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from distnet.data.manifest import Manifest
from distnet.data.shards import ShardReader
from distnet.errors import DataError

COLUMNS = 10
MOST_ROWS = 20
TILE = 64
GAP = 6
MARGIN = 24
TITLE = 52
CAPTION = 18
MOST_NAME_WIDTH = 180
PAPER, INK, PALE = "#ffffff", "#1f2933", "#7b8794"


def draw_contact_sheet(folder: Path, manifest: Manifest, file: Path, *, split: str) -> None:
    """Draw ten images of each class (of the first 20), or 100 images with their numbers.

    Raises:
        DataError: the samples are no images, a shard is damaged, or `file` cannot be written.
    """
    if manifest.x.kind != "image":
        raise DataError(f"{folder}: holds vectors, not images; leave out --picture")
    if manifest.y.kind == "class":
        sheet = _draw_classes(_by_class(ShardReader(folder, manifest, split), manifest), manifest)
    else:
        sheet = _draw_numbers(ShardReader(folder, manifest, split))
    num_samples = manifest.split(split).num_samples
    _draw_title(sheet, f"{manifest.name}, {split}", _subtitle(manifest, num_samples))
    _save(sheet, file)


def _by_class(reader: ShardReader, manifest: Manifest) -> list[list[NDArray[np.uint8]]]:
    rows: list[list[NDArray[np.uint8]]] = [[] for _ in manifest.y.classes[:MOST_ROWS]]
    for group in range(reader.num_groups):
        x, y = reader.read_group(group)
        for label, row in enumerate(rows):
            found = np.flatnonzero(y == label)[: COLUMNS - len(row)]
            row.extend(x[found])
        if all(len(row) == COLUMNS for row in rows):
            break
    return rows


def _draw_classes(rows: list[list[NDArray[np.uint8]]], manifest: Manifest) -> Image.Image:
    font = _font(15)
    names = [_shortened(name, font) for name in manifest.y.classes[: len(rows)]]
    left = MARGIN + int(max(map(font.getlength, names))) + 2 * GAP
    sheet = _blank(left, len(rows), TILE + GAP)
    draw = ImageDraw.Draw(sheet)
    for number, (name, images) in enumerate(zip(names, rows, strict=True)):
        top = MARGIN + TITLE + number * (TILE + GAP)
        draw.text((left - 2 * GAP, top + TILE / 2), name, INK, font, anchor="rm")
        for column, image in enumerate(images):
            sheet.paste(_tile(image), (left + column * (TILE + GAP), top))
    return sheet


def _draw_numbers(reader: ShardReader) -> Image.Image:
    x, y = reader.read_group(0)
    num = min(len(x), COLUMNS * COLUMNS)
    sheet = _blank(MARGIN, -(-num // COLUMNS), TILE + CAPTION + GAP)
    draw = ImageDraw.Draw(sheet)
    for index in range(num):
        row, column = divmod(index, COLUMNS)
        left = MARGIN + column * (TILE + GAP)
        top = MARGIN + TITLE + row * (TILE + CAPTION + GAP)
        sheet.paste(_tile(x[index]), (left, top))
        caption = f"{y[index].reshape(-1)[0]:.4g}"
        draw.text((left + TILE / 2, top + TILE + 2), caption, INK, _font(12), anchor="mt")
    return sheet


def _tile(image: NDArray[np.uint8]) -> Image.Image:
    pixels = image[0] if image.shape[0] == 1 else image.transpose(1, 2, 0)
    picture = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    scale = TILE / max(picture.size)
    smooth = Image.Resampling.NEAREST if scale >= 4 else Image.Resampling.LANCZOS
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    tile = Image.new("RGB", (TILE, TILE), PAPER)
    tile.paste(picture.resize(size, smooth), ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return tile


def _blank(left: int, num_rows: int, row_height: int) -> Image.Image:
    width = left + COLUMNS * (TILE + GAP) - GAP + MARGIN
    return Image.new("RGB", (width, 2 * MARGIN + TITLE + num_rows * row_height - GAP), PAPER)


def _draw_title(sheet: Image.Image, title: str, subtitle: str) -> None:
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, INK, _font(20), anchor="lt")
    draw.text((MARGIN, MARGIN + 26), subtitle, PALE, _font(13), anchor="lt")


def _subtitle(manifest: Manifest, num_samples: int) -> str:
    channels, height, width = manifest.x.shape
    colours = "grey" if channels == 1 else "colour"
    text = f"{num_samples:,} {colours} images of {width} x {height} pixels"
    if manifest.y.kind == "class":
        num_classes = len(manifest.y.classes)
        shown = f", the first {MOST_ROWS} shown" if num_classes > MOST_ROWS else ""
        text += f", {num_classes} classes{shown}"
    return text


def _shortened(name: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(name) <= MOST_NAME_WIDTH:
        return name
    while font.getlength(name + "...") > MOST_NAME_WIDTH:
        name = name[:-1]
    return name + "..."


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _save(sheet: Image.Image, file: Path) -> None:
    temporary = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        sheet.save(temporary, "PNG", optimize=True)
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise DataError(f"{file}: cannot be written: {error.strerror or error}") from None
