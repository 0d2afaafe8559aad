"""The samples of a training: every slice plays games of its own and keeps what was played.

A slice plays with the network as it is at the step, then draws from its replay. Its state is the
replay, and where each of its games is, so another worker goes on in the middle of an episode.

Letters: E games of a slice.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.data.column import Ints
from distnet.data.shuffle import mix
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.sections.job import Job
from distnet.tasks.games.play.frames import Array
from distnet.tasks.games.play.replay import Replay, pack, unpack
from distnet.tasks.games.play.rules import Rules
from distnet.tasks.games.play.seen import best_actions
from distnet.tasks.task import NETWORK, Networks

TRAINING = 1
SEED_MASK = (1 << 31) - 1
"""Seeds of environments are whole numbers of 31 bits."""


class Playing:
    """The feed of a training; games are opened when a slice is first taken.

    Args:
        rules: how to play.
        job: its seed, slices and batches.
        steps_per_epoch: steps between two evaluations.
    """

    has_state = True

    def __init__(self, rules: Rules, job: Job, steps_per_epoch: int) -> None:
        self._rules, self._job, self.steps_per_epoch = rules, job, steps_per_epoch
        self._slices: dict[int, SliceOfPlay] = {}

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:  # noqa: ARG002
        """Play, and draw the samples of a slice."""
        slices, rules = self._job.num_slices, self._rules
        of_slice = self._slice(index)
        if not of_slice.has_played:
            warmup = -(-rules.warmup // (slices * rules.games))
            of_slice.play(networks[NETWORK], max(warmup, rules.returns.num_steps + 1), 1.0)
        of_slice.play(networks[NETWORK], rules.moves, rules.randomness(step))
        size = self._job.train.batch_size
        return of_slice.draw((index + 1) * size // slices - index * size // slices)

    def digest(self, step: int, slices: range) -> SampleDigest:  # noqa: ARG002
        """Empty: what is played is in no dataset."""
        return SampleDigest()

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:  # noqa: ARG002
        """Empty, too."""
        return ()

    def state(self, index: int) -> bytes:
        """The replay and the games of a slice; empty before its first step."""
        of_slice = self._slices.get(index)
        return of_slice.state() if of_slice is not None and of_slice.has_played else b""

    def restore(self, index: int, state: bytes) -> None:
        """Continue with another state."""
        self._slice(index).restore(state)

    def close(self) -> None:
        """Close the games."""
        for of_slice in self._slices.values():
            of_slice.close()

    @property
    def slice_bytes(self) -> int:
        """What the replay of a slice takes in memory."""
        return self._slice(0).memory_bytes

    def _slice(self, index: int) -> "SliceOfPlay":
        if index not in self._slices:
            seed, slices = self._job.train.seed, self._job.num_slices
            self._slices[index] = SliceOfPlay(self._rules, slices, mix(seed, TRAINING, index))
        return self._slices[index]


def random_observations(rules: Rules, num: int) -> Tensor:
    """What is seen before `num` moves that are drawn among random ones, [num, ...]."""
    played = SliceOfPlay(replace(rules, replay=num * rules.games), slices=1, seed=0)
    try:
        played.play(nn.Identity(), num + rules.returns.num_steps, 1.0)
        return played.draw(num).tensor("before")
    finally:
        played.close()


class SliceOfPlay:
    """Some games and their replay.

    Args:
        rules: how to play.
        slices: how many share the replay of the job.
        seed: of all episodes of this slice.
    """

    def __init__(self, rules: Rules, slices: int, seed: int) -> None:
        self._clips, self._seed = rules.clips, seed
        self._games = [rules.open() for _ in range(rules.games)]
        shape, dtype = self._games[0].shape, self._games[0].dtype
        fewest = 2 * rules.returns.num_steps + rules.stack + 8
        rounds = max(rules.replay // (slices * rules.games), fewest)
        self._replay = Replay(
            rounds, rules.games, shape, dtype, stack=rules.stack, returns=rules.returns
        )
        self._frames: Array = np.zeros((rules.games, *shape), dtype)
        self._ages: Ints = np.zeros(rules.games, np.int64)
        self._episodes: Ints = np.zeros(rules.games, np.int64)
        """That each game has begun."""
        self._returns = np.zeros(rules.games)
        self._is_over = np.ones(rules.games, bool)
        self._finished: list[float] = []
        """The returns of episodes that are over, since the last draw."""

    @property
    def has_played(self) -> bool:
        """Whether any move was made."""
        return self._replay.count > 0

    def play(self, network: nn.Module, rounds: int, epsilon: float) -> None:
        """Let every game make `rounds` moves: the best one, or with `epsilon` any."""
        games = len(self._games)
        for game in range(games if not self.has_played else 0):
            self._begin(game)
        is_random = torch.rand(rounds, games) < epsilon
        random = torch.randint(self._games[0].num_actions, (rounds, games))
        for is_any, drawn in zip(is_random, random, strict=True):
            observations, actions = self._replay.begin_round(self._frames, self._ages), drawn
            if not is_any.all():
                actions = torch.where(is_any, drawn, best_actions(network, observations))
            self._move(actions.numpy())

    def draw(self, size: int) -> Batch:
        """Draw samples; the first one carries the returns of the episodes that are over."""
        returned, episodes = np.zeros((2, size), np.float32)
        returned[0], episodes[0] = sum(self._finished), len(self._finished)
        self._finished = []
        numbers = {"return": torch.from_numpy(returned), "episodes": torch.from_numpy(episodes)}
        return self._replay.draw(size).with_(**numbers)

    def state(self) -> bytes:
        """Everything, compressed."""
        own = {name: getattr(self, f"_{name}") for name in NUMBERS}
        states = [np.frombuffer(game.state(), np.uint8) for game in self._games]
        games = {f"game{index}": state for index, state in enumerate(states)}
        count = np.array(self._replay.count)
        return pack({**own, **games, "count": count, **self._replay.arrays()})

    def restore(self, state: bytes) -> None:
        """Continue with another state."""
        arrays = unpack(state)
        for name in NUMBERS:
            getattr(self, f"_{name}")[:] = arrays[name]
        for index, game in enumerate(self._games):
            game.restore(arrays[f"game{index}"].tobytes())
        self._replay.restore(arrays, int(arrays["count"]))
        self._finished = []

    @property
    def memory_bytes(self) -> int:
        """What the replay takes."""
        return self._replay.memory_bytes

    def close(self) -> None:
        """Close the games."""
        for game in self._games:
            game.close()

    def _move(self, actions: Any) -> None:
        games = len(self._games)
        rewards, ends, moved = np.zeros(games, np.float32), np.zeros(games, bool), ~self._is_over
        for game in range(games):
            if self._is_over[game]:
                self._begin(game)
                continue
            self._frames[game], reward, ends[game], self._is_over[game] = self._games[game].move(
                int(actions[game])
            )
            rewards[game] = np.sign(reward) if self._clips else reward
            self._ages[game] += 1
            self._returns[game] += reward
            if self._is_over[game]:
                self._finished.append(float(self._returns[game]))
        self._replay.end_round(actions, rewards, ends, moved)

    def _begin(self, game: int) -> None:
        seed = mix(self._seed, game, int(self._episodes[game])) & SEED_MASK
        self._frames[game] = self._games[game].begin(seed)
        self._episodes[game] += 1
        self._ages[game], self._returns[game], self._is_over[game] = 0, 0.0, False


NUMBERS = ("frames", "ages", "episodes", "returns", "is_over")
"""What a slice keeps of its games, beside the replay."""
