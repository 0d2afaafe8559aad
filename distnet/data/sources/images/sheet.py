"""The sheet of sprites: where each of them lies, and whether it is there."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distnet.data.images.decode import opened_image
from distnet.data.sources.files.unreadable import Unreadable
from distnet.data.sources.images.sprites import Sprite
from distnet.data.survey.summary import Findings
from distnet.errors import DataError


class Sheet:
    """The image of all sprites, cut into square cells.

    Args:
        file: the image.
        sprites: the entries of its index.
        size: pixels of a side of a sprite; None if it is to be guessed.
        gap: pixels around each sprite.
        findings: takes what was guessed.

    Raises:
        DataError: the file is no image, or its size does not fit the cells.
    """

    def __init__(
        self,
        file: Path,
        sprites: Sequence[Sprite],
        size: int | None,
        gap: int,
        findings: Findings,
    ) -> None:
        with opened_image(file, str(file)) as image:
            self._sheet = image.convert("RGBA")
            if image.has_transparency_data:
                why = "they may have transparent parts"
                findings.guessed("sprites", "laid on white", why, count=len(sprites))
        self._file, self._gap = file, gap
        if size is None:
            self.size = self._guessed_size(sprites, findings)
        elif size > 0 <= gap:
            self.size = size
        else:
            found = f"{size} pixels with gaps of {gap}"
            raise DataError(f"--sprite-size: found {found}, expected at least 1 and 0")

    def is_whole(self, sprite: Sprite, unreadable: Unreadable) -> bool:
        """Whether a sprite lies on the sheet and shows anything; else it is unreadable."""
        left, top, right, bottom = self._box(sprite)
        fault = None
        if right > self._sheet.width or bottom > self._sheet.height:
            size = f"{self._sheet.width} x {self._sheet.height}"
            fault = (
                f"its cell (column {sprite.column}, row {sprite.row}) ends at pixel {right}, "
                f"{bottom}, outside of the sheet {self._file.name} of {size} pixels"
            )
        elif not self._crop(sprite).getchannel("A").getbbox():
            fault = f"its cell (column {sprite.column}, row {sprite.row}) is wholly transparent"
        if fault is not None:
            error = DataError(f"{sprite.location}: {fault}; repair the entry")
            unreadable.add(sprite.location, error, "sprites")
        return fault is None

    def pixels(self, sprite: Sprite) -> NDArray[np.uint8]:
        """A sprite on white, uint8 [3, size, size]."""
        cell = self._crop(sprite)
        paper = Image.new("RGBA", cell.size, "white")
        flat = np.asarray(Image.alpha_composite(paper, cell).convert("RGB"), np.uint8)
        return np.ascontiguousarray(flat.transpose(2, 0, 1))

    def _box(self, sprite: Sprite) -> tuple[int, int, int, int]:
        left, top = (
            number * (self.size + 2 * self._gap) + self._gap
            for number in (sprite.column, sprite.row)
        )
        return left, top, left + self.size, top + self.size

    def _crop(self, sprite: Sprite) -> Image.Image:
        return self._sheet.crop(self._box(sprite))

    def _guessed_size(self, sprites: Sequence[Sprite], findings: Findings) -> int:
        """The size at which the cells of the index cover the sheet.

        Raises:
            DataError: there is none.
        """
        columns = 1 + max((sprite.column for sprite in sprites), default=0)
        rows = 1 + max((sprite.row for sprite in sprites), default=0)
        width, height = self._sheet.size
        size = width // columns - 2 * self._gap
        if width % columns or height != rows * (width // columns) or size < 1:
            farthest = max(sprites, key=lambda sprite: (sprite.column, sprite.row), default=None)
            raise DataError(
                f"{self._file}: {columns} x {rows} square cells do not cover its {width} x "
                f"{height} pixels (the last column is that of {farthest and farthest.location}); "
                "set --sprite-size, and --gap"
            )
        why = f"{columns} x {rows} cells with gaps of {self._gap} cover the sheet"
        findings.guessed("size of a sprite", str(size), why, option="--sprite-size, --gap")
        return size
