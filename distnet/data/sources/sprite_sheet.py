"""Small images in the cells of one large one, the sheet, and a JSON list that says what they are.

    emoji.json                   [{"sheet_x": 0, "sheet_y": 3, "name": ..., "category": ...}, ...]
    img/google/sheets/32.png     any image in the folder, as long as it is the only one

A sample is the image of a cell, the name as tokens and the category as class. Transparent parts
become white.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from distnet.data.column import Columns, RaggedArray
from distnet.data.fields._tokenizers import Tokenizer
from distnet.data.fields.class_ import ClassField
from distnet.data.fields.image import ImageField
from distnet.data.fields.tokens import TokensField
from distnet.data.images.formats import SUFFIXES
from distnet.data.sources.files.below import below
from distnet.data.sources.files.class_names import natural_order
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.sheet import Sheet
from distnet.data.sources.images.sprites import Sprite, is_index, read_index
from distnet.data.sources.source import Chunks, RawData
from distnet.data.survey.summary import Findings
from distnet.errors import DataError

IMPLIED_BY = "sprite_size"
GAP = 1
NAME, CATEGORY = "name", "category"
MOST_TOKENS = 10_000
CHUNK_SPRITES = 512
MOST_NAMED = 5


def detect(path: Path) -> bool:
    """Whether it is the index of a sprite sheet, or a folder with one."""
    return bool(_indices(path))


def read(
    path: Path,
    *,
    sheet: str | None = None,
    sprite_size: int | None = None,
    gap: int = GAP,
    text: str = NAME,
    target: Sequence[str] = (),
    tokenizer: Tokenizer = "words",
    vocabulary: int = MOST_TOKENS,
    skip_unreadable: bool = False,
) -> RawData:
    """Read the index, and find the cells of the sheet.

    Args:
        path: the index, or the folder in which it is the only one.
        sheet: the image, as a path from the folder of the index; else the only one in it.
        sprite_size: pixels of a side of a sprite; else by the number of cells.
        gap: pixels around each sprite, so that two of them are twice as far apart.
        text: the key of a sprite's name.
        target: the key of its class; `category` if none is given.
        tokenizer: what a token of a name is: `characters`, `words` or `bpe` (parts of words).
        vocabulary: the most tokens that are kept, by how often they occur.
        skip_unreadable: leave out, and count, faulty sprites.

    Raises:
        DataError: index or sheet are missing or faulty, or a sprite is; the message says which.
        UnknownPartError: the package for words is not installed.
    """
    findings = Findings()
    unreadable = Unreadable(findings, skip=skip_unreadable)
    index = _index(path)
    label = _one_key(target)
    sprites = read_index(index, text, label, unreadable)
    cells = Sheet(_find_sheet(index.parent, sheet), sprites, sprite_size, gap, findings)
    sprites = [sprite for sprite in sprites if cells.is_whole(sprite, unreadable)]
    unreadable.check()
    if not sprites:
        raise DataError("\n".join([f"{index}: no sprite is left", *findings.left_out_lines()]))
    names = natural_order({sprite.label for sprite in sprites})
    tokens = TokensField.learned(
        (sprite.name for sprite in sprites), tokenizer=tokenizer, most=vocabulary
    )
    y = ClassField(classes=tuple(names))
    findings.read("sprites", len(sprites))
    findings.read("classes", len(names))
    return RawData(
        fields={"x": ImageField(shape=(3, cells.size, cells.size)), "y": y, "text": tokens},
        splits={"all": _chunks(sprites, cells, y, tokens)},
        num_samples=len(sprites),
        findings=findings,
        locate=partial(_locate, sprites),
    )


def _indices(path: Path) -> list[Path]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file for file in files if is_index(file)]


def _index(path: Path) -> Path:
    """The index at a path.

    Raises:
        DataError: there is none, or several.
    """
    if not path.is_dir():
        return path
    found = _indices(path)
    if len(found) != 1:
        names = ", ".join(file.name for file in found) or "none"
        raise DataError(f"{path}: found {names}, expected one index of sprites; name its file")
    return found[0]


def _one_key(target: Sequence[str]) -> str:
    if len(target) > 1:
        raise DataError(f"--target: found {', '.join(target)}, expected one key of the index")
    return target[0] if target else CATEGORY


def _find_sheet(folder: Path, given: str | None) -> Path:
    """The image with all sprites.

    Raises:
        DataError: it is missing, or there are several images.
    """
    if given is not None:
        if (folder / given).is_file():
            return folder / given
        raise DataError(f"{folder / given}: no such file; give the sheet with --sheet")
    found = [f for f in sorted(below(folder)) if f.suffix.lower() in SUFFIXES and f.is_file()]
    if len(found) == 1:
        return found[0]
    names = ", ".join(str(file.relative_to(folder)) for file in found[:MOST_NAMED])
    more = f" and {len(found) - MOST_NAMED:,} more" if found[MOST_NAMED:] else ""
    what = f"found {names}{more}" if found else "found no image"
    raise DataError(f"{folder}: {what}, expected the one sheet of the sprites; give it by --sheet")


def _chunks(sprites: Sequence[Sprite], cells: Sheet, y: ClassField, text: TokensField) -> Chunks:
    labels = {name: index for index, name in enumerate(y.classes)}

    def chunks() -> Iterator[Columns]:
        for low in range(0, len(sprites), CHUNK_SPRITES):
            part = sprites[low : low + CHUNK_SPRITES]
            yield {
                "x": np.stack([cells.pixels(sprite) for sprite in part]),
                "y": np.array([labels[sprite.label] for sprite in part], np.int32),
                "text": RaggedArray.of([text.encode(sprite.name) for sprite in part]),
            }

    return chunks


def _locate(sprites: Sequence[Sprite], split: str, index: int) -> str:  # noqa: ARG001
    return next(islice((sprite.location for sprite in sprites), index, None))
