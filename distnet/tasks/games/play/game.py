"""One game: an environment of gymnasium that can be saved in the middle of an episode.

An episode is a function of its seed and of the moves. So the state of most environments is the seed
and the moves so far, which are played again; an Atari game saves its emulator (`atari.py`).
"""

from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, Protocol

import numpy as np

from distnet.errors import UnknownPartError
from distnet.spec.extras import require_extra
from distnet.tasks.games.play.drawings import DRAWINGS
from distnet.tasks.games.play.frames import Frame, Picture

WHAT = "task deep-q"
ATARI = "ALE/"
"""How the names of Atari's games begin."""


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
        try:
            self._made = gymnasium.make(name, disable_env_checker=True)
        except (gymnasium.error.Error, ImportError) as error:  # of its physics, or its drawings
            raise ValueError(f"environment {name}: {' '.join(str(error).split())}") from None
        actions, space = self._made.action_space, self._made.observation_space
        if not isinstance(actions, gymnasium.spaces.Discrete):
            raise ValueError(
                f"{name} has the moves {actions}, expected a choice among a few (Discrete)"
            )
        self.num_actions, self._first_action = int(actions.n), int(actions.start)
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
        frame, reward, is_end, is_cut, _ = self._made.step(self._first_action + action)
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

    Args:
        name: as gymnasium has it; `module:name` imports a module first, which registers it.

    Raises:
        UnknownPartError: a package is not installed.
        ValueError: there is no such environment.
    """
    gymnasium = require_extra("gymnasium", extra="play", what=WHAT)
    module, _, registered = name.rpartition(":")
    try:
        if module:
            import_module(module)
        if name.startswith(ATARI):
            _register_atari(gymnasium, name)
        facts: Mapping[str, Any] = gymnasium.spec(registered).kwargs
    except (gymnasium.error.Error, ImportError) as error:
        what = " ".join(str(error).split()).removesuffix(".")
        raise ValueError(f"environment {name}: {what}{_nearest(gymnasium, name, what)}") from None
    return facts


def _register_atari(gymnasium: Any, name: str) -> None:
    gymnasium.register_envs(require_extra("ale_py", extra="play", what=f"{WHAT} with {name}"))


def _nearest(gymnasium: Any, name: str, what: str) -> str:
    """The end of a message: the name that is most like an unknown one, if gymnasium has not it."""
    if "`" in what.partition("doesn't exist")[2] or "Please use" in what:
        return ""
    with suppress(UnknownPartError):
        _register_atari(gymnasium, name)
    names = [
        each
        for each, facts in gymnasium.registry.items()
        if each.startswith(ATARI) or not str(facts.entry_point).startswith("ale_py")
    ]
    found = {each.lower(): each for each in names}
    likely = get_close_matches(name.lower(), found, n=1, cutoff=0.5)
    return f"; did you mean {found[likely[0]]}?" if likely else ""
