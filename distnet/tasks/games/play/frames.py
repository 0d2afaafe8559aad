"""The newest frames of several games that are played side by side, each stored once.

Letters: T rounds that are kept, E games, s frames of an observation, n observations.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.column import Ints

Array = NDArray[Any]
Frame = NDArray[Any]
"""What is seen at one time: numbers float32 [d], or the pixels of a screen uint8 [1, H, W]."""
Picture = NDArray[np.uint8]
"""For users: [C, H, W]."""


class Frames:
    """A ring: round t, counted from 0, is at t mod T.

    Args:
        rounds: T.
        games: E.
        shape: of a frame; its first dimension grows with s.
        dtype: of a frame.
        stack: s: an observation is the last s frames of its episode, the oldest first. Those
            before the first one are like it.
    """

    def __init__(
        self, rounds: int, games: int, shape: tuple[int, ...], dtype: np.dtype[Any], stack: int
    ) -> None:
        self.frames: Array = np.zeros((rounds, games, *shape), dtype)
        self.ages: Ints = np.zeros((rounds, games), np.int64)
        """Moves since the episode began."""
        self._stack = stack

    def put(self, time: int, frames: Array, ages: Ints) -> None:
        """Keep the frames [E, ...] of a round, and how old each episode is [E]."""
        self.frames[time % len(self.frames)] = frames
        self.ages[time % len(self.ages)] = ages

    def observations(self, times: Ints, games: Ints) -> Array:
        """What was seen in rounds [n] of games [n]: [n, s * c, ...] from frames [c, ...]."""
        ages = self.ages[times % len(self.ages), games]
        parts = [
            self.frames[(times - np.minimum(back, ages)) % len(self.frames), games]
            for back in range(self._stack - 1, -1, -1)
        ]
        return parts[0] if self._stack == 1 else np.concatenate(parts, axis=1)
