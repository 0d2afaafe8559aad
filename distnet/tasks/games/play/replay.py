"""What was played: the newest moves of several games, from which a slice draws its samples.

Letters: T rounds that are kept, E games, n samples.

Source: Mnih et al. 2015 (replay); Sutton 1988, Hessel et al. 2018 (returns of several moves).
"""

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from distnet.data.batch import Batch
from distnet.data.column import Ints
from distnet.tasks.games.play.frames import Array, Frames

CODEC = "zstd"
NUM_SIZE = 8
"""Bytes in which a packed text begins with its size."""


@dataclass(frozen=True)
class Returns:
    """What the moves of a sample are worth."""

    discount: float
    """What a reward is worth one move later."""
    num_steps: int
    """Rewards that are added up before the value of what is seen then."""


class Replay:
    """A ring of rounds; in each, every game makes a move or begins an episode.

    The last frame of an episode is a round of its own, from which no move was made.

    Args:
        rounds: T.
        games: E.
        shape: of a frame.
        dtype: of a frame.
        stack: the frames of an observation.
        returns: what moves are worth.
    """

    def __init__(
        self,
        rounds: int,
        games: int,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        *,
        stack: int,
        returns: Returns,
    ) -> None:
        self._stack, self._num_steps = stack, returns.num_steps
        worth = [returns.discount**step for step in range(returns.num_steps + 1)]
        self._worth = np.array(worth, np.float32)
        """What a reward is worth after 0, 1, ... moves."""
        self.seen = Frames(rounds, games, shape, dtype, stack)
        self._actions: Ints = np.zeros((rounds, games), np.int64)
        self._rewards = np.zeros((rounds, games), np.float32)
        self._ends = np.zeros((rounds, games), bool)
        self._moved = np.zeros((rounds, games), bool)
        self.count = 0
        """Rounds so far."""

    def begin_round(self, frames: Array, ages: Ints) -> Array:
        """Keep what is seen; returns the observations [E, ...]."""
        self.seen.put(self.count, frames, ages)
        games = np.arange(self._moved.shape[1])
        return self.seen.observations(np.full(len(games), self.count), games)

    def end_round(self, actions: Ints, rewards: Array, ends: Array, moved: Array) -> None:
        """Keep what was done then, one value a game; `moved` is False where an episode began."""
        here = self.count % len(self._moved)
        self._actions[here], self._rewards[here] = actions, rewards
        self._ends[here], self._moved[here] = ends, moved
        self.count += 1

    def draw(self, size: int) -> Batch:
        """Draw moves at random, with torch's global generator.

        Returns:
            before, after: what is seen before a move, and after the moves whose rewards count.
            action, reward: the move, and the discounted sum of the rewards.
            keep: what the value of `after` is worth; 0 at an end.
            weight: 0 where no move was made, as at the last frame of an episode; else 1.
        """
        oldest = max(0, self.count - len(self._moved))
        oldest += self._stack - 1 if oldest else 0
        usable = self.count - self._num_steps - oldest
        times = oldest + torch.randint(usable, (size,)).numpy()
        games = torch.randint(self._moved.shape[1], (size,)).numpy()
        rewards, num_moves, is_end = self._followed(times, games)
        arrays = {
            "before": self.seen.observations(times, games),
            "action": self._actions[times % len(self._moved), games],
            "reward": rewards,
            "after": self.seen.observations(times + num_moves, games),
            "keep": self._worth[num_moves] * ~is_end,
            "weight": self._moved[times % len(self._moved), games].astype(np.float32),
        }
        return Batch({name: torch.from_numpy(array) for name, array in arrays.items()})

    def _followed(self, times: Ints, games: Ints) -> tuple[Array, Ints, NDArray[np.bool_]]:
        """Follow the moves of each sample to an end, or as many as count.

        Returns:
            The discounted sum of the rewards, how many moves were followed, and whether to an end.
        """
        size, rounds = len(times), len(self._moved)
        rewards, num_moves = np.zeros(size, np.float32), np.zeros(size, np.int64)
        is_end, is_on = np.zeros(size, bool), self._moved[times % rounds, games]
        for step in range(self._num_steps):
            now = (times + step) % rounds
            rewards += is_on * self._worth[step] * self._rewards[now, games]
            num_moves += is_on
            is_end |= is_on & self._ends[now, games]
            is_on = is_on & ~is_end & self._moved[(now + 1) % rounds, games]
        return rewards, num_moves, is_end

    @property
    def _arrays(self) -> dict[str, Array]:
        return {
            "frames": self.seen.frames,
            "ages": self.seen.ages,
            "actions": self._actions,
            "rewards": self._rewards,
            "ends": self._ends,
            "moved": self._moved,
        }

    @property
    def memory_bytes(self) -> int:
        """What it takes when it is full."""
        return sum(array.nbytes for array in self._arrays.values())

    def arrays(self) -> dict[str, Array]:
        """What was played, as far as the ring is filled."""
        filled = min(self.count, len(self._moved))
        return {f"replay/{name}": array[:filled] for name, array in self._arrays.items()}

    def restore(self, arrays: dict[str, Array], count: int) -> None:
        """Continue with what `arrays` gave after `count` rounds."""
        self.count = count
        for name, array in self._arrays.items():
            played = arrays[f"replay/{name}"]
            array[: len(played)] = played


def pack(arrays: dict[str, Array]) -> bytes:
    """Write arrays as compressed bytes: screens that follow one another are much alike."""
    file = BytesIO()
    np.savez(file, **arrays)  # type: ignore[arg-type]
    whole = file.getvalue()
    packed: bytes = pa.compress(whole, codec=CODEC, asbytes=True)
    return len(whole).to_bytes(NUM_SIZE, "little") + packed


def unpack(state: bytes) -> dict[str, Array]:
    """Read what `pack` has written."""
    size = int.from_bytes(state[:NUM_SIZE], "little")
    whole = pa.decompress(state[NUM_SIZE:], decompressed_size=size, codec=CODEC, asbytes=True)
    with np.load(BytesIO(whole)) as arrays:
        return {name: arrays[name] for name in arrays.files}
