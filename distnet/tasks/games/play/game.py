"""One game: an environment of gymnasium that can be saved in the middle of an episode.

An episode is a function of its seed and of the moves. So the state of most environments is the seed
and the moves so far, which are played again; an Atari game saves its emulator (`atari.py`).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np

from distnet.spec.extras import require_extra
from distnet.tasks.games.play.drawings import DRAWINGS
from distnet.tasks.games.play.frames import Frame, Picture

WHAT = "task deep-q"


class Moved(NamedTuple):
    """What follows a move."""

    frame: Frame
    reward: float
    is_end: bool
    """Whether nothing that comes later is worth anything to this move."""
    is_over: bool
    """Whether the episode is over; it may have been cut, too."""


class Game(Protocol):
    """One game at a time."""

    shape: tuple[int, ...]
    """Of a frame."""
    dtype: np.dtype[Any]
    """Of a frame: float32 or uint8."""
    num_actions: int

    def begin(self, seed: int) -> Frame:
        """Begin an episode, which depends on `seed` and the moves alone."""
        ...

    def move(self, action: int) -> Moved:
        """Make one move."""
        ...

    def state(self) -> bytes:
        """Where the episode is."""
        ...

    def restore(self, state: bytes) -> None:
        """Continue an episode, perhaps one of another process."""
        ...

    def picture(self) -> Picture | None:
        """Draw the game for users; None where that is not possible."""
        ...

    def close(self) -> None:
        """Release what the game holds."""
        ...


class Environment:
    """An environment of gymnasium with a few actions to choose from, and numbers to see.

    Raises:
        UnknownPartError: gymnasium is not installed.
        ValueError: it has no such environment, or one that cannot be played.
    """

    def __init__(self, name: str) -> None:
        find(name)
        gymnasium = require_extra("gymnasium", extra="play", what=WHAT)
        self._made = gymnasium.make(name, disable_env_checker=True)
        actions, space = self._made.action_space, self._made.observation_space
        if not isinstance(actions, gymnasium.spaces.Discrete):
            raise ValueError(
                f"{name} has the moves {actions}, expected a choice among a few (Discrete)"
            )
        self.num_actions = int(actions.n)
        if not isinstance(space, gymnasium.spaces.Box):
            self._made = gymnasium.wrappers.FlattenObservation(self._made)
        elif len(space.shape) != 1:
            raise ValueError(
                f"{name} shows pixels or tables {list(space.shape)}, expected numbers in one row, "
                "or a game of Atari such as ALE/Breakout-v5"
            )
        self.shape, self.dtype = self._made.observation_space.shape, np.dtype(np.float32)
        self._seed, self._actions = 0, list[int]()
        self._frame: Frame = np.zeros(self.shape, self.dtype)

    def begin(self, seed: int) -> Frame:
        """Begin an episode."""
        self._seed, self._actions = seed, []
        frame, _ = self._made.reset(seed=seed)
        return self._seen(frame)

    def move(self, action: int) -> Moved:
        """Make one move."""
        self._actions.append(action)
        frame, reward, is_end, is_cut, _ = self._made.step(action)
        return Moved(self._seen(frame), float(reward), bool(is_end), bool(is_end or is_cut))

    def state(self) -> bytes:
        """The seed and the moves so far."""
        return np.array([self._seed, *self._actions], np.int64).tobytes()

    def restore(self, state: bytes) -> None:
        """Play the moves again."""
        seed, *actions = np.frombuffer(state, np.int64).tolist()
        self.begin(seed)
        for action in actions:
            self.move(action)

    def picture(self) -> Picture | None:
        """A drawing, where there is one for this environment."""
        draw = DRAWINGS.get(self._made.spec.name)
        return None if draw is None else draw(self._frame)

    def close(self) -> None:
        """Close the environment."""
        self._made.close()

    def _seen(self, frame: Any) -> Frame:
        self._frame = np.asarray(frame, np.float32)
        return self._frame


def find(name: str) -> Mapping[str, Any]:
    """The facts that an environment is registered with.

    Raises:
        UnknownPartError: a package is not installed.
        ValueError: there is no such environment.
    """
    gymnasium = require_extra("gymnasium", extra="play", what=WHAT)
    if name.startswith("ALE/"):
        gymnasium.register_envs(require_extra("ale_py", extra="play", what=f"{WHAT} with {name}"))
    try:
        facts: Mapping[str, Any] = gymnasium.spec(name).kwargs
    except gymnasium.error.Error as error:
        raise ValueError(f"environment {name}: {' '.join(str(error).split())}") from None
    return facts
