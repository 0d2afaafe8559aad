"""Whole episodes, played by a network to measure it.

An episode depends on the network, the seed and its number alone: its chance comes from a hash of
these, and the episodes that are played side by side are always as many, each in the row of its
number. So an evaluation is the same however it is spread over slices and workers.

Letters: E episodes side by side.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from distnet.data.batch import Batch
from distnet.data.shuffle import mix
from distnet.tasks.games.play.atari import WHOLE
from distnet.tasks.games.play.frames import Frames
from distnet.tasks.games.play.game import Game
from distnet.tasks.games.play.playing import SEED_MASK
from distnet.tasks.games.play.rules import Rules
from distnet.tasks.games.play.seen import best_actions
from distnet.tasks.task import NETWORK, Episode, Networks, Watch

EVALUATION, CHANCE = 0, 2
TOGETHER = 8
"""E."""


class Episodes:
    """The feed of an evaluation.

    Args:
        rules: how to play.
        seed: of the episodes.
        length: how many an evaluation has.
        epsilon: the part of the moves that is random.
    """

    def __init__(self, rules: Rules, seed: int, length: int, epsilon: float) -> None:
        self.length = length
        self._player = Player(rules, seed, epsilon)

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        """Play the episodes `low` to `high` (exclusive)."""
        played = list(self._player.play(networks[NETWORK], low, high))
        columns = {
            "return": torch.tensor([each.returned for each in played], dtype=torch.float64),
            "moves": torch.tensor([each.num_moves for each in played], dtype=torch.float64),
        }
        return Batch(columns)

    def close(self) -> None:
        """Close the games."""
        self._player.close()


class Player:
    """Plays episodes by their numbers; games are opened when they are first needed."""

    def __init__(self, rules: Rules, seed: int, epsilon: float) -> None:
        self._rules, self._seed, self._epsilon = rules, seed, epsilon
        self._games: dict[int, Game] = {}

    def play(
        self, network: nn.Module, low: int, high: int, watch: Watch | None = None
    ) -> Iterator[Episode]:
        """Play the episodes `low` to `high` (exclusive), in their order; `watch` sees the first."""
        for first in range(low - low % TOGETHER, high, TOGETHER):
            numbers = range(max(low, first), min(high, first + TOGETHER))
            yield from self._play(network, numbers, watch if low in numbers else None)

    def close(self) -> None:
        """Close the games."""
        for game in self._games.values():
            game.close()

    def _play(self, network: nn.Module, numbers: range, watch: Watch | None) -> list[Episode]:
        """Play some episodes to their ends, side by side; `watch` sees the first."""
        tables = [_Table(self._game(n % TOGETHER), self._seed, n) for n in numbers]
        shape, dtype, stack = tables[0].game.shape, tables[0].game.dtype, self._rules.stack
        frames = Frames(stack, TOGETHER, shape, dtype, stack)
        seen, time = np.zeros((TOGETHER, *shape), dtype), 0
        while playing := [table for table in tables if not table.is_over]:
            for table in playing:
                seen[table.row] = table.frame
            now = np.full(TOGETHER, time)
            frames.put(time, seen, now)
            best = best_actions(network, frames.observations(now, np.arange(TOGETHER))).tolist()
            if watch is not None and not tables[0].is_over:
                tables[0].show(watch)
            for table in playing:
                table.move(best[table.row], self._epsilon)
            time += 1
        return [Episode(each.number, each.returned, each.num_moves) for each in tables]

    def _game(self, row: int) -> Game:
        if row not in self._games:
            self._games[row] = self._rules.open()
        return self._games[row]


class _Table:
    """One episode that is being played."""

    def __init__(self, game: Game, seed: int, number: int) -> None:
        self.game, self.number, self.row = game, number, number % TOGETHER
        self._chance = mix(seed, CHANCE, number)
        self.frame = game.begin(mix(seed, EVALUATION, number) & SEED_MASK)
        self.returned, self.num_moves, self.is_over = 0.0, 0, False

    def show(self, watch: Watch) -> None:
        """Show what the game looks like now, where it can be drawn."""
        picture = self.game.picture()
        if picture is not None:
            watch(picture, self.returned)

    def move(self, best: int, epsilon: float) -> None:
        """Make the best move, or with `epsilon` any."""
        drawn = mix(self._chance, self.num_moves)
        if drawn < epsilon * WHOLE:
            best = mix(drawn) % self.game.num_actions
        self.frame, reward, _, self.is_over = self.game.move(best)
        self.returned, self.num_moves = self.returned + reward, self.num_moves + 1
