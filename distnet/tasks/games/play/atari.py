"""Games of the Atari 2600, as the literature plays them.

Each action is held for a few frames of the emulator; what is seen is the brightest of the last two
of them, in grey, made smaller. A frame repeats the action of the one before with probability
`sticky`, since the games themselves have no chance. Games that wait for FIRE get it at the start
and after each lost life.

Source: Mnih et al. 2015 (skipped frames, brightest of two, grey, lost lives as ends); Machado et
al. 2018, "Revisiting the Arcade Learning Environment" (sticky actions).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from distnet.data.shuffle import mix
from distnet.spec.extras import require_extra
from distnet.tasks.games.play.area import Area
from distnet.tasks.games.play.frames import Frame, Picture
from distnet.tasks.games.play.game import WHAT, Moved, find

NOOP, FIRE = 0, 1
"""The actions of the emulator."""
WHOLE = float(1 << 64)
NUM_NUMBERS = 4
"""Before the state of the emulator in that of a game."""


@dataclass(frozen=True)
class Screen:
    """How a game is seen and played."""

    size: int = 84
    """Rows and columns."""
    skip: int = 4
    """Frames of the emulator that an action is held for."""
    sticky: float = 0.25
    """The probability that a frame repeats the action of the one before."""
    life_ends: bool = True
    """Whether a lost life is an end for what a move is worth."""


class Atari:
    """One game in an emulator of its own.

    An emulator takes 0.1 s to load a game, so every episode begins from the state after that.

    Raises:
        UnknownPartError: gymnasium or ale-py is not installed.
        ValueError: there is no such game.
    """

    def __init__(self, name: str, screen: Screen) -> None:
        module = require_extra("ale_py", extra="play", what=f"{WHAT} with {name}")
        module.ALEInterface.setLoggerMode(module.LoggerMode.Error)  # it prints its name otherwise
        self._ale, self._ale_state, self._screen = module.ALEInterface(), module.ALEState, screen
        self._load(find(name), module.roms)
        self._actions = [action.value for action in self._ale.getMinimalActionSet()]
        self.num_actions = len(self._actions)
        self._fires = FIRE in self._actions
        self._first = self._ale.cloneState(include_rng=True)
        self._pixels: NDArray[np.uint8] = np.zeros((2, *self._ale.getScreenDims()), np.uint8)
        self._smaller = Area(self._pixels.shape[1:], (screen.size, screen.size))
        self.shape: tuple[int, ...] = (1, screen.size, screen.size)
        self.dtype: np.dtype[Any] = np.dtype(np.uint8)
        self._seed, self._num_frames, self._held, self._lives = 0, 0, NOOP, 0

    def _load(self, facts: Mapping[str, Any], roms: Any) -> None:
        self._ale.setInt("random_seed", 0)  # of the memory when it is switched on
        self._ale.setFloat("repeat_action_probability", 0.0)
        self._ale.setInt("max_num_frames_per_episode", facts["max_num_frames_per_episode"])
        self._ale.loadROM(roms.get_rom_path(facts["game"]))
        self._ale.reset_game()

    def begin(self, seed: int) -> Frame:
        """Begin an episode."""
        self._ale.restoreState(self._first)
        self._seed, self._num_frames, self._held = seed, 0, NOOP
        self._lives = self._ale.lives()
        self._hold(FIRE if self._fires else NOOP)
        return self._seen()

    def move(self, action: int) -> Moved:
        """Hold an action, and launch the next ball where a life was lost."""
        reward = self._hold(self._actions[action])
        is_lost, self._lives = self._ale.lives() < self._lives, self._ale.lives()
        is_over = bool(self._ale.game_over())  # also after half an hour of play, as ALE has it
        if is_lost and self._fires and not is_over:
            reward += self._hold(FIRE)
        is_end = self._ale.game_over(with_truncation=False) or (is_lost and self._screen.life_ends)
        return Moved(self._seen(), reward, is_end, is_over)

    def state(self) -> bytes:
        """The state of the emulator, and what the next frame depends on besides."""
        numbers = [self._seed, self._num_frames, self._held, self._lives]
        emulator: bytes = self._ale.cloneState(include_rng=True).serialize()
        return np.array(numbers, np.int64).tobytes() + emulator

    def restore(self, state: bytes) -> None:
        """Continue with the state of an emulator."""
        numbers = np.frombuffer(state, np.int64, NUM_NUMBERS)
        self._seed, self._num_frames, self._held, self._lives = numbers.tolist()
        self._ale.restoreState(self._ale_state(state[numbers.nbytes :]))

    def picture(self) -> Picture:
        """The screen in colours."""
        return np.ascontiguousarray(np.moveaxis(self._ale.getScreenRGB(), -1, 0))

    def close(self) -> None:
        """Nothing: the emulator ends with the object."""

    def _hold(self, action: int) -> float:
        """Hold an action for some frames; returns the reward."""
        reward, skip = 0.0, self._screen.skip
        for frame in range(skip):
            if mix(self._seed, self._num_frames) >= self._screen.sticky * WHOLE:
                self._held = action
            self._num_frames += 1
            reward += self._ale.act(self._held)
            is_over = self._ale.game_over()
            if frame >= skip - 2 or is_over:
                self._ale.getScreenGrayscale(self._pixels[frame % 2])
            if is_over or skip == 1:
                self._pixels[1 - frame % 2] = self._pixels[frame % 2]
            if is_over:
                break
        return reward

    def _seen(self) -> Frame:
        """The brightest of the last two frames, uint8 [1, size, size]."""
        return self._smaller(np.maximum(*self._pixels))[None]
