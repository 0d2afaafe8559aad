"""How a task plays: its environment, and everything that decides what is played and kept."""

from dataclasses import dataclass

from distnet.tasks.games.play.atari import Atari, Screen
from distnet.tasks.games.play.game import ATARI, Environment, Game
from distnet.tasks.games.play.replay import Returns


@dataclass(frozen=True)
class Rules:
    """The options of a task that its slices and evaluations need."""

    environment: str
    screen: Screen
    stack: int
    """Frames of an observation."""
    clips: bool
    """Whether a reward counts by its sign alone."""
    returns: Returns
    games: int
    """That each slice plays side by side."""
    moves: int
    """Of each game in a step."""
    replay: int
    """Moves that all slices keep together."""
    warmup: int
    """Moves of all slices before the first update."""
    epsilon: tuple[float, float, int]
    """The part of the moves that is random: at first, later, and the step from which it is so."""

    def open(self) -> Game:
        """Open a game."""
        if is_atari(self.environment):
            return Atari(self.environment, self.screen)
        return Environment(self.environment)

    def randomness(self, step: int) -> float:
        """The part of the moves that is random in `step`, counted from 0."""
        first, last, num_steps = self.epsilon
        return first + (last - first) * min(1.0, step / num_steps)


def is_atari(environment: str) -> bool:
    """Whether it is a game of the Atari 2600."""
    return environment.startswith(ATARI)
