"""A moving picture of an episode. Imports no torch, so that the command line may."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from distnet.errors import RunError
from distnet.run_folder.write import write_whole

ENDING = ".gif"
MOST_PICTURES = 400
"""When there are twice as many, every second of them goes."""
PICTURE_MS = 40


class Gif:
    """Pictures of an episode as an animated GIF; give `add` as `watch`.

    Args:
        file: the file to write.

    Raises:
        RunError: the name does not end in .gif.
    """

    def __init__(self, file: Path) -> None:
        if file.suffix.lower() != ENDING:
            raise RunError(f"{file}: found the ending {file.suffix or 'none'}, expected {ENDING}")
        self._file, self._every, self._num_seen = file, 1, 0
        self._kept: list[Image.Image] = []

    def add(self, picture: NDArray[Any], returned: float) -> None:  # noqa: ARG002
        """Add a picture, uint8 [C, H, W]."""
        if self._num_seen % self._every == 0:
            pixels = np.moveaxis(picture, 0, -1)
            self._kept.append(Image.fromarray(pixels).convert("P", palette=Image.Palette.ADAPTIVE))
        self._num_seen += 1
        if len(self._kept) == 2 * MOST_PICTURES:
            self._kept, self._every = self._kept[::2], 2 * self._every

    def write(self) -> None:
        """Write the file, whole or not at all.

        Raises:
            RunError: there was nothing to see, or the file cannot be written.
        """
        if not self._kept:
            raise RunError(f"{self._file}: not written, as there is no drawing of this environment")
        content, (first, *others) = BytesIO(), self._kept
        first.save(content, "GIF", save_all=True, append_images=others, duration=PICTURE_MS, loop=0)
        write_whole(self._file, content.getvalue())
