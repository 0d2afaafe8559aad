"""Deep Q-learning of CartPole: every slice plays an environment of its own and keeps a replay.

Source: Mnih et al. 2015, "Human-level control through deep reinforcement learning".
"""

from collections import deque
from collections.abc import Sequence
from io import BytesIO
from typing import Any

import gymnasium
import numpy as np
import torch
from torch import Tensor, nn

from distnet.data.batch import Batch
from distnet.run_folder.sample_digest import SampleDigest
from distnet.spec.metric import Metric
from distnet.spec.sections.job import Job
from distnet.tasks.task import Loss, Measured, Networks, Phase, Shadow, Summary

PLAYED = 8  # moves that a slice makes in each step
REPLAY = 500
WARM = 32  # moves before the first update
DISCOUNT = 0.98
EPISODES = 8
LONGEST = 60


class QNetwork(nn.Sequential):
    """The value of each action."""

    def __init__(self, num_observations: int, num_actions: int) -> None:
        super().__init__(nn.Linear(num_observations, 32), nn.Tanh(), nn.Linear(32, num_actions))


class DeepQ:
    """The temporal-difference error towards a target network that is copied now and then."""

    metrics = (Metric("return", "number", "higher"),)
    phases = (Phase(metrics=("value",)),)
    shadows = (Shadow("target", every=4),)
    network_arguments = (4, 2)

    def __init__(self, data: None) -> None:
        assert data is None

    def feed(self, job: Job) -> "Playing":
        return Playing(job.train.seed, job.num_slices, job.train.batch_size)

    def evaluation_feed(self, job: Job) -> "Episodes":
        return Episodes(job.train.seed)

    def loss(self, networks: Networks, batch: Batch, phase: Phase) -> Loss:
        names = ("before", "action", "reward", "after", "is_end")
        before, action, reward, after, is_end = (batch.tensor(name) for name in names)
        value = networks["network"](before).gather(1, action[:, None])[:, 0]
        with torch.no_grad():
            best = networks["target"](after).max(1).values
        target = reward + DISCOUNT * best * (1 - is_end)
        weights = batch.tensor("is_warm")
        metrics = {"value": ((value.detach() * weights).sum(), weights.sum())}
        return Loss((value - target).square(), weights, metrics)

    def measure(self, networks: Networks, batch: Batch) -> Measured:
        returns = batch.tensor("return").double()
        return Measured(torch.stack([returns.sum(), torch.tensor(len(returns))]), -returns)

    def summarise(self, sums: Tensor, collected: Sequence[bytes]) -> Summary:
        mean = float(sums[0] / sums[1])
        return Summary({"loss": -mean, "return": mean})

    def predict(self, networks: Networks, batch: Batch) -> list[dict[str, Any]]:
        return [
            {"action": int(one.argmax())} for one in networks["network"](batch.tensor("before"))
        ]


class Playing:
    """Plays with the network as it is, and draws from what was played before."""

    has_state = True
    steps_per_epoch = 10

    def __init__(self, seed: int, slices: int, batch_size: int) -> None:
        self._slices = [_Slice(seed, index) for index in range(slices)]
        self._size = batch_size // slices

    def take(self, step: int, index: int, draw: int, networks: Networks) -> Batch:
        of_slice = self._slices[index]
        of_slice.play(networks["network"], PLAYED)
        return of_slice.draw(self._size)

    def digest(self, step: int, slices: range) -> SampleDigest:
        return SampleDigest()

    def ids(self, step: int, index: int, draw: int) -> tuple[int, ...]:
        return ()

    def state(self, index: int) -> bytes:
        return self._slices[index].state()

    def restore(self, index: int, state: bytes) -> None:
        self._slices[index].restore(state)

    def close(self) -> None:
        for of_slice in self._slices:
            of_slice.environment.close()


class _Slice:
    """One environment and its replay. An environment is restored by playing its moves again."""

    def __init__(self, seed: int, index: int) -> None:
        self.environment = gymnasium.make("CartPole-v1", max_episode_steps=LONGEST)
        self._seed = 1000 * seed + index
        self._replay: deque[tuple[Any, ...]] = deque(maxlen=REPLAY)
        self._episode = 0
        self._begin()

    def play(self, network: nn.Module, moves: int) -> None:
        for _ in range(moves):
            with torch.no_grad():
                best = int(network(torch.from_numpy(self._observation)[None])[0].argmax())
            action = best if float(torch.rand(())) > 0.2 else int(torch.randint(2, ()))
            before = self._observation
            reward, is_end = self._move(action)
            self._replay.append((before, action, reward, self._observation, is_end))
            if is_end:
                self._episode += 1
                self._begin()

    def draw(self, size: int) -> Batch:
        chosen = torch.randint(len(self._replay), (size,)).tolist()
        columns = zip(*(self._replay[i] for i in chosen), strict=True)
        before, action, reward, after, is_end = columns
        is_warm = float(len(self._replay) >= WARM)
        return Batch(
            {
                "before": torch.from_numpy(np.stack(before)),
                "action": torch.tensor(action),
                "reward": torch.tensor(reward),
                "after": torch.from_numpy(np.stack(after)),
                "is_end": torch.tensor(is_end, dtype=torch.float32),
                "is_warm": torch.full((size,), is_warm),
            }
        )

    def state(self) -> bytes:
        file = BytesIO()
        columns = [np.array(column) for column in zip(*self._replay, strict=True)]
        numbers = np.array([self._episode, *self._actions])
        np.savez(file, numbers, *columns)
        return file.getvalue()

    def restore(self, state: bytes) -> None:
        with np.load(BytesIO(state)) as arrays:
            numbers, *columns = (arrays[name] for name in arrays.files)
        rows = zip(
            *(column.tolist() if column.ndim == 1 else column for column in columns), strict=True
        )
        self._replay = deque(rows, maxlen=REPLAY)
        self._episode, *actions = numbers.tolist()
        self._begin()
        for action in actions:
            self._move(action)

    def _begin(self) -> None:
        self._actions: list[int] = []
        seed = self._seed + 7919 * self._episode
        self._observation, _ = self.environment.reset(seed=seed)

    def _move(self, action: int) -> tuple[float, bool]:
        self._actions.append(action)
        self._observation, reward, is_end, is_cut, _ = self.environment.step(action)
        return float(reward), is_end or is_cut


class Episodes:
    """Whole episodes, each from a seed of its own, played greedily."""

    length = EPISODES

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def take(self, low: int, high: int, networks: Networks) -> Batch:
        returns = [self._play(networks["network"], episode) for episode in range(low, high)]
        return Batch({"return": torch.tensor(returns)})

    def close(self) -> None:
        return

    def _play(self, network: nn.Module, episode: int) -> float:
        environment = gymnasium.make("CartPole-v1", max_episode_steps=LONGEST)
        observation, _ = environment.reset(seed=99_991 * self._seed + episode)
        total, is_over = 0.0, False
        while not is_over:
            action = int(network(torch.from_numpy(observation)[None])[0].argmax())
            observation, reward, is_end, is_cut, _ = environment.step(action)
            total, is_over = total + float(reward), is_end or is_cut
        environment.close()
        return total
