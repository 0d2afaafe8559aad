"""Makes pictures smaller: each pixel is the mean over its area, as OpenCV's INTER_AREA has it.

Sums are whole numbers below 2^24, which fp32 holds exactly, so no order of additions changes them.

Letters: H rows and W columns of a screen, h rows and w columns of what is made of it.
"""

import numpy as np
from numpy.typing import NDArray

from distnet.tasks.games.play.frames import Frame

Weights = NDArray[np.float32]


class Area:
    """Changes the size of screens, uint8 [H, W] with H * W below 2^16."""

    def __init__(self, screen: tuple[int, int], size: tuple[int, int]) -> None:
        self._down, self._across = (_parts(*pair) for pair in zip(screen, size, strict=True))
        self._whole = np.float32(screen[0] * screen[1])

    def __call__(self, screen: Frame) -> Frame:
        """The picture, uint8 [h, w]."""
        sums = self._down @ screen.astype(np.float32) @ self._across.T
        small: Frame = np.rint(sums / self._whole).astype(np.uint8)
        return small


def _parts(old: int, new: int) -> Weights:
    """The part of each old pixel in each new one, in 1 / new of an old pixel: [new, old]."""
    begin, pixel = old * np.arange(new)[:, None], new * np.arange(old)
    shared = np.minimum(begin + old, pixel + new) - np.maximum(begin, pixel)
    return shared.clip(min=0).astype(np.float32)
